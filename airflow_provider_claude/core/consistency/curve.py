"""The curve from the confidence that a model states to a calibrated one, as a plan keeps it."""

from __future__ import annotations

import msgspec


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """By which *points* the confidence in *field* is calibrated: those of *rows* golden rows of the run *of*."""

    field: str
    points: list[tuple[float, float]]
    rows: int
    of: str
