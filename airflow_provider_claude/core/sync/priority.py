"""How urgent items are: a number in one of their columns, and from which number on they do not wait for others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.column_names import list_of_names
from airflow_provider_claude.errors import JobError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_NUMBER = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"

#: From this number on an item is urgent, unless the user says otherwise.
URGENT = 1.0


@dataclass(frozen=True, kw_only=True)
class Priority:
    """*column* holds a number, a higher one for what is more urgent; a missing or invalid one counts as 0.

    Items from *urgent* on stay in the sync lane where others go back to a batch. Raises JobError for invalid
    values.
    """

    column: str
    urgent: float = URGENT

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise JobError(f"priority_column is {self.column!r}: write the name of a column.")
        if isinstance(self.urgent, bool) or not isinstance(self.urgent, int | float) or not math.isfinite(self.urgent):
            raise JobError(f"urgent is {self.urgent!r}: write a number.")

    def of(self, texts: pa.Array) -> NDArray[np.float64]:
        """The numbers that *texts*, or numbers, hold."""
        import pyarrow as pa  # not above: the store knows this class, and every process of Airflow loads that
        import pyarrow.compute as pc

        if not pa.types.is_string(texts.type):
            return _of_numbers(texts)
        trimmed = pc.utf8_trim_whitespace(texts)
        is_number = pc.fill_null(pc.match_substring_regex(trimmed, _NUMBER), pa.scalar(value=False))
        numbers = pc.if_else(is_number, trimmed, pa.scalar("0", texts.type))
        found: NDArray[np.float64] = pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False)
        return found


def _of_numbers(values: pa.Array) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean
    if not any(is_kind(values.type) for is_kind in kinds):
        return np.zeros(len(values))
    numbers = pc.fill_null(pc.cast(values, pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    found: NDArray[np.float64] = np.where(np.isfinite(numbers), numbers, 0.0)
    return found


def priority_of(column: str | None, urgent: Any = URGENT) -> Priority | None:
    """The priority that a user's arguments ask for, None for no column. Raises JobError where they make no sense."""
    return None if column is None else Priority(column=column, urgent=urgent)


def carry_with(carry: Sequence[str], columns: Sequence[str], priority_column: str | None) -> list[str]:
    """What a scan carries so that the items have *priority_column*, where it is not among the *columns* that are sent."""
    more = [] if priority_column is None or priority_column in columns else [priority_column]
    return list(dict.fromkeys([*list_of_names("carry", carry), *more]))


def urgent_first(priorities: NDArray[Any]) -> NDArray[np.int64]:
    """The positions of *priorities*, the highest first; equal ones in their order."""
    import numpy as np

    found: NDArray[np.int64] = np.argsort(-priorities, kind="stable")
    return found
