"""How long a row may be, and how many stand in a part file. Imported when a DAG is parsed, so without pyarrow."""

from __future__ import annotations

from airflow_provider_claude.job.numbers import whole_number


def check_row_limits(*, max_chars: object, part_rows: object) -> None:
    """Raise JobError where one of these is out of range."""
    whole_number("max_chars", max_chars, 1, 100_000_000)
    whole_number("part_rows", part_rows, 1, 1_000_000)
