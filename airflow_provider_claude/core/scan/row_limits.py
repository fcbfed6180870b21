"""How long a row may be, and how many stand in a part file. Imported when a DAG is parsed, so without pyarrow."""

from __future__ import annotations

from airflow_provider_claude.job.numbers import whole_number

#: No row is longer, whatever is asked for.
MOST_CHARS = 100_000_000


def check_row_limits(*, max_chars: object, part_rows: object) -> None:
    """Raise JobError where one of these is out of range."""
    whole_number("max_chars", max_chars, 1, MOST_CHARS)
    whole_number("part_rows", part_rows, 1, 1_000_000)
