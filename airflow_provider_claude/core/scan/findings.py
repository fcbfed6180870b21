"""What a layer of the gate says about a row."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: A `trace` is not reported: it only brings the row into doubt, see core.doubt.
Severity = Literal["high", "medium", "low", "trace"]

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
