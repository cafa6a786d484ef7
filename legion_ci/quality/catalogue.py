"""The metrics that checks may name: what each needs of the models' answers, and which way is better.

Imports nothing heavy: the schema of ``legion.yaml`` is made from it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """family: how its interval is found. form: which answers it reads. units: what its rows are called."""

    name: str
    family: Literal["share", "area", "cells", "ranked", "loss"]
    form: Literal["label", "score", "probability", "value", "query", "user"]
    higher_is_better: bool = True
    needs_positive: bool = False
    units: str = "rows"
    parameter: float | None = None  # k of the first k, or the quantile

    @property
    def of_classes(self) -> bool:
        """Whether the target is classes, not numbers."""
        return self.form in ("label", "score", "probability")


METRICS = {
    m.name: m
    for m in (
        Metric("accuracy", "share", "label"),
        Metric("recall", "share", "label", needs_positive=True, units="positive rows"),
        Metric("specificity", "share", "label", needs_positive=True, units="negative rows"),
        Metric("top_k_accuracy", "share", "probability"),
        Metric("roc_auc", "area", "score", needs_positive=True),
        Metric("roc_auc_ovr", "area", "probability"),
        Metric("roc_auc_ovo", "area", "probability"),
        Metric("average_precision", "ranked", "score", needs_positive=True),
        Metric("precision", "cells", "label", needs_positive=True),
        Metric("f1", "cells", "label", needs_positive=True),
        Metric("balanced_accuracy", "cells", "label"),
        Metric("mcc", "cells", "label"),
        Metric("brier", "loss", "probability", higher_is_better=False),
        Metric("log_loss", "loss", "probability", higher_is_better=False),
        Metric("mae", "loss", "value", higher_is_better=False),
        Metric("mse", "loss", "value", higher_is_better=False),
        Metric("rmse", "loss", "value", higher_is_better=False),
        Metric("r2", "loss", "value"),
        Metric("pinball", "loss", "value", higher_is_better=False),
        Metric("ndcg", "loss", "query", units="queries"),
        Metric("map", "loss", "query", units="queries"),
        Metric("mrr", "loss", "query", units="queries"),
    )
}

# Checks that a model which always gives the same answer cannot pass, and so make a wide margin of these harmless.
CLASS_WISE = ("recall", "specificity", "balanced_accuracy", "f1")
TOP_K = ("top_k_accuracy", "ndcg", "map", "mrr")
GUARDED_BY = {"accuracy": CLASS_WISE, "brier": (*CLASS_WISE, "roc_auc"), "log_loss": (*CLASS_WISE, "roc_auc")}


def own(name: str, higher_is_better: bool) -> Metric:
    """A metric of the repository's: ``module:function`` gives one number a row, and the metric is their mean."""
    return Metric(name, "loss", "user", higher_is_better)


def unknown(name: str) -> str:
    """What to say about a metric that is not there."""
    near = difflib.get_close_matches(name, METRICS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(METRICS)}"
    return f"there is no metric {name!r}; {hint}"
