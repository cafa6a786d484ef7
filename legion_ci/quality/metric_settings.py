"""What a metric check may say in ``legion.yaml``, and which of it goes together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from legion_ci.quality.catalogue import METRICS, TOP_K, Metric, own, unknown
from legion_ci.settings.schema import Alpha, CheckSettings, Section


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _slices(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {column: _listed(wanted) for column, wanted in value.items()}
    return dict.fromkeys(_listed(value), ()) if isinstance(value, str | list | tuple) else value


_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
Values = Annotated[tuple[Any, ...], BeforeValidator(_listed)]


def _edges(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Parting(Section):
    """Slices that are not values of a column: bins of its numbers (how many, at quantiles; or edges), or a condition in SQL.

    ``distance: {bins: 4}``, ``distance: {bins: [500, 1000]}``, ``long haul: {where: "distance > 1000"}``.
    """

    bins: Annotated[Annotated[int, Field(ge=2, le=100)] | tuple[int | float, ...] | None, BeforeValidator(_edges)] = (
        None
    )
    where: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Parting:
        if (self.bins is None) == (self.where is None):
            raise ValueError("exactly one of bins and where is needed")
        return self


class MetricSettings(CheckSettings):
    """One metric against a bound, or against the champion on the same rows.

    min, max: the bound. versus: the champion; margin: the loss that is accepted (default 0; for alarms on slices
    ``quality.slice_margin``); superior: must be shown to be better. slices: columns, each value a slice, or
    ``column: [values]``, ``column: {bins: 4}`` or ``name: {where: condition}``; what is named counts as declared
    (``on_unassessed``). role: require (default) or alarm
    (default for slices). threshold: of the positive class's probability, instead of the model's own label.
    min_detectable: INCONCLUSIVE when an alarm could not have seen a loss of that size. metric may be ``module:function`` of
    the repository: called with rows and predictions (Arrow tables) in the candidate's environment it gives one number a row,
    of which the mean counts (more is better unless higher_is_better: false). k: of top_k_accuracy (default 5), ndcg, map,
    mrr (default, all); query: the column whose rows are ranked together. quantile: of pinball.
    """

    use: str = "metric"
    metric: str
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    versus: Literal["champion"] | None = None
    margin: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    superior: bool = False
    slices: Annotated[dict[str, Parting | Values], BeforeValidator(_slices)] = Field(default_factory=dict)
    threshold: float | None = Field(default=None, ge=0, le=1)
    positive: Any = None
    alpha: Alpha | None = None
    k: int | None = Field(default=None, ge=1)
    query: str | None = None
    quantile: float | None = Field(default=None, gt=0, lt=1)
    higher_is_better: bool | None = None
    min_detectable: float | None = Field(default=None, gt=0)

    @property
    def definition(self) -> Metric:
        """The metric that is named."""
        if self.metric not in METRICS:
            return own(self.metric, self.higher_is_better is not False)
        default = 5.0 if self.metric == "top_k_accuracy" else None
        return replace(METRICS[self.metric], parameter=self.quantile or self.k or default)

    @property
    def reads_code(self) -> bool:
        """Whether the metric is the repository's own."""
        return self.metric not in METRICS

    @property
    def needs_all_rows(self) -> bool:
        """Queries are ranked whole."""
        return self.query is not None

    @property
    def is_alarm(self) -> bool:
        """Whether the check fails only where a loss is shown."""
        return self.role == "alarm" or (self.role is None and bool(self.slices))

    @property
    def title(self) -> str:
        """The check for people, without slice."""
        if self.name:
            return self.name
        if self.min is not None:
            return f"{self.metric} ≥ {self.min:g}"
        if self.max is not None:
            return f"{self.metric} ≤ {self.max:g}"
        how = ", superior" if self.superior else f", margin {self.margin:g}" if self.margin else ""
        return f"{self.metric} versus champion{how}"

    @field_validator("metric")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in METRICS and not _OWN.fullmatch(name):
            raise ValueError(unknown(name))
        return name

    @model_validator(mode="after")
    def _coherent(self) -> MetricSettings:
        if problems := list(self._clashes()):
            raise ValueError("; ".join(problems))
        return self

    def _clashes(self) -> Any:
        given = [k for k in ("min", "max", "versus") if getattr(self, k) is not None]
        if len(given) != 1:
            yield f"exactly one of min, max and versus is needed ({' and '.join(given) or 'none'} given)"
        if self.versus is None and (self.margin is not None or self.superior):
            yield "margin and superior need versus: champion"
        if self.superior and self.margin:
            yield "superior allows no margin; leave one of them out"
        if self.superior and self.is_alarm:
            yield "an alarm looks for a loss; superior needs role: require"
        if self.is_alarm and self.alpha is not None:
            yield "alarms share quality.alpha (Holm's correction over all of them); leave alpha out"
        if self.min_detectable is not None and not self.is_alarm:
            yield "min_detectable is for alarms; a required check decides on its interval"
        yield from self._unfit()

    def _unfit(self) -> Any:
        if self.higher_is_better is not None and self.metric in METRICS:
            yield f"higher_is_better is for metrics of your own; that of {self.metric} is known"
        metric = METRICS.get(self.metric)
        if metric is None:
            return
        if (self.query is None) == (metric.form == "query"):
            yield (
                f"{self.metric} needs query: the column whose rows are ranked together"
                if self.query is None
                else f"query is for ndcg, map and mrr, and {self.metric} is none of them"
            )
        if self.k is not None and self.metric not in TOP_K:
            yield f"k is for {', '.join(TOP_K)}"
        if (self.quantile is None) == (self.metric == "pinball"):
            yield "quantile and pinball belong together"
        if metric.form == "query" and self.slices:
            yield f"slices are of rows, and {self.metric} is of queries; check each kind of query in its own data set"
        if self.threshold is not None and metric.form != "label":
            yield f"threshold is for metrics of labels, and {self.metric} is not one"
        if self.positive is not None and not metric.of_classes:
            yield f"positive is for classes, and {self.metric} is a metric of numbers"
