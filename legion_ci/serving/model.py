"""What the server needs of a model, whatever its flavour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from legion_ci.serving.predictions import Predictions
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Signature

if TYPE_CHECKING:
    import pyarrow as pa


class Model(Protocol):
    """A loaded model. Any exception of its own may come out of the two predict methods."""

    @property
    def signature(self) -> Signature | None:
        """The columns that it takes, None when it does not tell."""

    @property
    def row_wise(self) -> bool:
        """Whether rows of several requests may share one call."""

    def predict(self, rows: Rows) -> Predictions:
        """Predictions of checked rows, one for each."""

    def predict_table(self, table: pa.Table) -> Predictions:
        """Predictions of an Arrow table that has at least the columns of the signature."""
