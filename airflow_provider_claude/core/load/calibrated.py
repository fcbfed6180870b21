"""The column of the calibrated confidence, beside the model's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.consistency.calibration import calibrated
from airflow_provider_claude.core.consistency.curve import Curve

#: Digits behind the point: more would say more than golden rows can.
_DIGITS = 4


class Calibrated(NamedTuple):
    """The column *name*: the confidence in *field* by *curve*; empty without one."""

    name: str
    field: str
    curve: Curve | None

    def column(self, answers: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The column for *answers*, by its name. It is null where the model states none, or one that is not from 0 to 1."""
        stated = answers[self.field]
        if self.curve is None:
            return {self.name: pa.nulls(len(stated), pa.float64())}
        values = pc.cast(stated, pa.float64()).to_pylist()
        inside = [value is not None and 0 <= value <= 1 for value in values]
        known = np.array([value for value, one in zip(values, inside, strict=True) if one], dtype="f8")
        found = iter(np.round(calibrated(self.curve.points, known), _DIGITS).tolist())
        return {self.name: array([next(found) if one else None for one in inside], pa.float64())}
