"""What a layer of the gate says about a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

Severity = Literal["high", "medium", "low"]

#: The layers, in the order in which they speak: of two that would set a row aside, the first gives the reason.
LAYERS = ("structure", "signatures", "classifier", "screen")


class Finding(NamedTuple):
    """Something about row *row* of a batch.

    *rule*: the stable word for it. *score*, 0 to 1: how sure the layer is. *detail*: a sentence that repeats nothing of the
    row's own text.
    """

    row: int
    layer: str
    rule: str
    severity: Severity
    score: float
    detail: str


class Layer(Protocol):
    """Something that reads texts."""

    def find(self, texts: pa.Array) -> Sequence[Finding]:
        """What there is to say about the strings *texts*; nulls have nothing."""
        ...
