"""What a search proposes, which rows decide, and how trials are scored."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics as sklearn_metrics

from legion_ci.core.errors import ConfigurationError
from legion_ci.data.files import FileSettings
from legion_ci.settings.schema import RangeSettings, SearchSettings
from legion_ci.train.search import held_out, score
from legion_ci.train.search.sampler import Proposals

SPACE = {
    "C": RangeSettings(low=0.01, high=10.0, log=True),
    "depth": RangeSettings(low=2, high=6),
    "kind": ("a", None, 3),
}


def search(**more) -> SearchSettings:
    return SearchSettings(**{"space": SPACE, "metric": "log_loss", "trials": 12, "parallel": 2, **more})


def proposed(asked: SearchSettings) -> list[dict]:
    """What is tried when each trial reaches what a function of its parameters says."""
    proposals, tried = Proposals(asked), []
    while round_ := proposals.ask(asked.parallel):
        tried += [p for _, p in round_]
        for trial, parameters in round_:
            proposals.tell(trial, abs(np.log(parameters.get("C", 1.0))) + float(parameters.get("depth", 0)))
    return tried


class TestWhatIsProposed:
    @pytest.mark.parametrize("sampler", ["tpe", "random"])
    def test_the_same_seed_proposes_the_same_and_another_something_else(self, sampler):
        first = proposed(search(sampler=sampler, seed=1))
        assert first == proposed(search(sampler=sampler, seed=1))
        assert first != proposed(search(sampler=sampler, seed=2))

    @given(seed=st.integers(0, 2**31), trials=st.integers(1, 9), parallel=st.integers(1, 4))
    @settings(max_examples=15, deadline=None)
    def test_never_more_than_the_budget_and_always_within_the_space(self, seed, trials, parallel):
        tried = proposed(search(seed=seed, trials=trials, parallel=parallel, sampler="random"))
        assert len(tried) == trials
        assert all(0.01 <= p["C"] <= 10 and p["depth"] in range(2, 7) and p["kind"] in SPACE["kind"] for p in tried)
        assert all(isinstance(p["depth"], int) for p in tried)

    def test_a_grid_is_every_combination_once(self):
        space = {"kind": ("a", None, 3), "depth": RangeSettings(low=2, high=4)}
        tried = proposed(search(space=space, sampler="grid", trials=100))
        assert sorted(map(str, tried)) == sorted(str({"kind": k, "depth": d}) for k in space["kind"] for d in (2, 3, 4))

    def test_a_grid_of_numbers_between_two_others_is_refused(self):
        with pytest.raises(ConfigurationError, match="a grid needs a list of values"):
            Proposals(search(sampler="grid"))

    def test_tpe_learns_from_what_trials_reached(self):
        """Best of 30 by tpe is below best of 30 by chance for most seeds (seeded; 12 of each)."""
        space = {f"x{i}": RangeSettings(low=0.0, high=1.0) for i in range(3)}

        def best(sampler, seed):
            proposals, found = Proposals(search(space=space, sampler=sampler, seed=seed, trials=30)), []
            while round_ := proposals.ask(2):
                for trial, p in round_:
                    found.append(sum((v - 0.3) ** 2 for v in p.values()))
                    proposals.tell(trial, found[-1])
            return min(found)

        better = sum(best("tpe", s) < best("random", s) for s in range(12))
        assert better >= 8

    def test_a_trial_that_failed_does_not_end_the_search(self):
        proposals = Proposals(search(trials=2, parallel=1))
        ((trial, _),) = proposals.ask(1)
        proposals.tell(trial, None)
        assert len(proposals.ask(1)) == 1

    @pytest.mark.parametrize("wrong", [{"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}])
    def test_a_range_that_is_none_is_refused(self, wrong):
        with pytest.raises(ValidationError):
            RangeSettings(**wrong)


class TestRows:
    @pytest.fixture
    def data(self, tmp_path):
        pq.write_table(pa.table({"a": range(100), "y": [i % 2 for i in range(100)]}), tmp_path / "t.parquet")
        return {"train": FileSettings(path="t.parquet", target="y")}

    def read(self, settings, folder):
        return set(pq.read_table(folder / settings.path).column("a").to_pylist())

    def test_trials_see_all_training_rows_but_those_that_judge_them(self, data, tmp_path):
        rows = held_out.rows(search(held_out=0.3), data, tmp_path, tmp_path)
        seen, judged = self.read(rows.seen["train"], tmp_path), self.read(rows.judged, tmp_path)
        assert len(judged) == 30
        assert seen | judged == set(range(100))
        assert not seen & judged
        assert rows.final == data
        assert rows.judged.target == "y"

    def test_the_seed_chooses_them(self, data, tmp_path):
        chosen = []
        for seed in (1, 1, 2):
            rows = held_out.rows(search(seed=seed), data, tmp_path, tmp_path)
            chosen.append(self.read(rows.judged, tmp_path))
        assert chosen[0] == chosen[1] != chosen[2]

    def test_rows_that_are_named_are_never_trained_on_not_even_at_last(self, data):
        more = {**data, "validation": data["train"].model_copy(update={"path": "v.parquet"})}
        rows = held_out.rows(search(on="validation"), more, None, None)
        assert set(rows.seen) == set(rows.final) == {"train"}
        assert rows.judged.path == "v.parquet"

    def test_too_few_rows_are_refused(self, data, tmp_path):
        with pytest.raises(ConfigurationError, match="leave nothing to train on or to judge by"):
            held_out.rows(search(held_out=0.001), data, tmp_path, tmp_path)

    @pytest.mark.parametrize(
        ("on", "needs_data", "use", "what"),
        [
            ("eval", True, "function", "data.eval judges the model that was found"),
            ("train", True, "function", "there are no rows 'train' besides those to train on"),
            ("elsewhere", True, "function", "there are no rows 'elsewhere'"),
            (None, False, "script", "the trainer script may read rows by itself"),
            (None, False, "existing", "an existing model has nothing to search"),
        ],
    )
    def test_rows_that_would_not_be_held_out_are_refused(self, on, needs_data, use, what):
        with pytest.raises(ConfigurationError, match=what):
            held_out.check(search(on=on), {"train": 1, "eval": 1}, needs_data, use)


class TestScores:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 200)
    p = np.clip(0.3 * truth + rng.uniform(0.1, 0.6, 200), 0.01, 0.99)
    answers = pa.table({"prediction": (p > 0.5).astype(int), "probability_0": 1 - p, "probability_1": p})

    @pytest.mark.parametrize(
        ("metric", "oracle"),
        [
            ("accuracy", lambda t, p: sklearn_metrics.accuracy_score(t, p > 0.5)),
            ("balanced_accuracy", lambda t, p: sklearn_metrics.balanced_accuracy_score(t, p > 0.5)),
            ("f1_macro", lambda t, p: sklearn_metrics.f1_score(t, p > 0.5, average="macro")),
            ("roc_auc", sklearn_metrics.roc_auc_score),
            ("log_loss", sklearn_metrics.log_loss),
            ("brier", sklearn_metrics.brier_score_loss),
            ("rmse", lambda t, p: sklearn_metrics.root_mean_squared_error(t, (p > 0.5).astype(int))),
            ("mae", lambda t, p: sklearn_metrics.mean_absolute_error(t, (p > 0.5).astype(int))),
            ("r2", lambda t, p: sklearn_metrics.r2_score(t, (p > 0.5).astype(int))),
        ],
    )
    def test_each_is_what_scikit_learn_says(self, metric, oracle):
        assert score.measure(metric, self.answers, self.truth) == pytest.approx(oracle(self.truth, self.p))

    def test_several_classes_by_name(self):
        truth = np.array(["x", "y", "z", "x", "y", "z"])
        said = np.random.default_rng(1).dirichlet((1, 1, 1), 6)
        answers = pa.table({"prediction": truth, **{f"probability_{c}": said[:, i] for i, c in enumerate("xyz")}})
        assert score.measure("log_loss", answers, truth) == pytest.approx(sklearn_metrics.log_loss(truth, said))
        expected = sklearn_metrics.roc_auc_score(truth, said, multi_class="ovr", average="macro")
        assert score.measure("roc_auc", answers, truth) == pytest.approx(expected)

    def test_a_model_without_probabilities_is_told(self):
        with pytest.raises(ConfigurationError, match="log_loss needs probabilities, and the model tells none"):
            score.measure("log_loss", self.answers.select(["prediction"]), self.truth)
