"""Proposes hyper-parameters: Optuna's samplers asked in rounds, so that the same seed proposes the same whatever ends first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.settings.schema import RangeSettings, SearchSettings
from legion_ci.train.search.score import LOWER_IS_BETTER

try:
    import optuna
except ImportError as _error:
    raise missing_package(_error, "train.search") from _error

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Proposals:
    """Trials to make: asked a round at a time, told what they reached."""

    def __init__(self, search: SearchSettings) -> None:
        self._search = search
        grid = search.sampler == "grid"
        listed = {n: _values(n, s) for n, s in search.space.items() if grid or not isinstance(s, RangeSettings)}
        self._listed = {name: {repr(v): v for v in values} for name, values in listed.items()}
        direction = "minimize" if search.metric in LOWER_IS_BETTER else "maximize"
        self._study = optuna.create_study(direction=direction, sampler=_sampler(search))
        self._left = search.trials
        if grid:
            combinations = list(itertools.islice(itertools.product(*self._listed.values()), search.trials))
            self._left = len(combinations)
            for chosen in combinations:
                self._study.enqueue_trial(dict(zip(self._listed, chosen, strict=True)))

    def ask(self, count: int) -> list[tuple[Any, dict[str, Any]]]:
        """Up to ``count`` trials, each with its hyper-parameters; none when the budget of trials is spent."""
        asked = []
        for _ in range(min(count, self._left)):
            trial = self._study.ask()
            asked.append((trial, {name: self._suggest(trial, name) for name in self._search.space}))
        self._left -= len(asked)
        return asked

    def tell(self, trial: Any, value: float | None) -> None:
        """What a trial reached; None when it failed."""
        state = optuna.trial.TrialState.FAIL if value is None else None
        self._study.tell(trial, value, state=state)

    def _suggest(self, trial: Any, name: str) -> Any:
        if name in self._listed:  # Optuna keeps categories of plain types only
            return self._listed[name][trial.suggest_categorical(name, list(self._listed[name]))]
        stated = self._search.space[name]
        assert isinstance(stated, RangeSettings)
        if isinstance(stated.low, int) and isinstance(stated.high, int):
            return trial.suggest_int(name, stated.low, stated.high, log=stated.log)
        return trial.suggest_float(name, float(stated.low), float(stated.high), log=stated.log)


def _values(name: str, stated: RangeSettings | tuple[Any, ...]) -> Sequence[Any]:
    """The values of a list; of a range of whole numbers each of them."""
    if not isinstance(stated, RangeSettings):
        return stated
    if isinstance(stated.low, int) and isinstance(stated.high, int):
        return range(stated.low, stated.high + 1)
    raise ConfigurationError(
        "a grid needs a list of values", where=f"train.search.space.{name}", todo="list those to try"
    )


def _sampler(search: SearchSettings) -> Any:
    if search.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=search.seed, constant_liar=True)
    return optuna.samplers.RandomSampler(seed=search.seed)
