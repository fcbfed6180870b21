"""The names of the columns of the answers: carried ones, the answer's own, ours, and the partition's, all in one table.

Names that differ only in letter case are one name: Hive partitions and most warehouses read `Day` and `day` as one column.
Imported when a DAG is parsed, so without pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.forms import is_reserved


def list_of_names(parameter: str, names: Sequence[str]) -> tuple[str, ...]:
    """The column *names* of a parameter. Raises JobError for a text, whose letters would be taken for names."""
    if isinstance(names, str):
        raise JobError(
            f"{parameter} is the text {names!r}: write a list of column names, such as {parameter}=[{names!r}]."
        )
    return tuple(names)


def check_columns(
    answers: Iterable[str], carry: Iterable[str], partition: str | None = None, calibrated: str | None = None
) -> None:
    """Raise JobError where two columns of the answer table would have one name.

    *answers* are the fields of the job's output, *carry* the columns carried along, *partition* the name of the partition
    column, *calibrated* that of the calibrated confidence; None where there is none.
    """
    seen: dict[str, str] = {}
    for what, name, way_out in _columns(answers, carry, partition, calibrated):
        if is_reserved(name):
            raise JobError(f"The {what} {name!r} has a name that the answer table uses itself. {way_out}")
        other = seen.setdefault(name.casefold(), f"{what} {name!r}")
        if other != f"{what} {name!r}":
            raise JobError(
                f"The {what} {name!r} and the {other} would be one column of the answers: letter case does not separate columns "
                f"apart. {way_out}"
            )


def _columns(
    answers: Iterable[str], carry: Iterable[str], partition: str | None, calibrated: str | None
) -> Iterator[tuple[str, str, str]]:
    """What each column is, its name, and what to do where that is taken."""
    yield from (("output's field", name, "Rename the field.") for name in answers)
    for name in dict.fromkeys(carry):
        yield "carried column", name, f"Leave {name!r} out of carry, or rename it in the source or the output."
    if partition is not None:
        yield "partition column", partition, "Write another name for partition_column."
    if calibrated is not None:
        yield "column of confidence_field", calibrated, "Rename the other one, or name another confidence_field."
