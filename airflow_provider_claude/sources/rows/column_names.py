"""Whether a source has the columns that are asked for, and what its error says where not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from airflow_provider_claude.core.tables import SOURCE_FIELDS
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.rows.batches import Wanted

#: What names a column, and is hardly a line of a file that has no header, such as one of passwords or settings.
_NAME = re.compile(r"[^\W\d][\w .,/()\[\]%#&+?!'’–-]*")

#: Names that the run folder needs.
RESERVED = frozenset(field.name for field in SOURCE_FIELDS)


def check_names(asked: Sequence[str], path: object) -> None:
    """Raise SourceError where the columns *asked* of *path* have names that the run folder needs, or one comes twice."""
    if clash := sorted(RESERVED & set(asked)):
        raise SourceError(f"{path} has columns with names the run folder needs: {_listed(clash)}. Rename them.")
    if len(set(asked)) < len(asked):
        raise SourceError(f"columns and carry name a column of {path} twice: {_listed(asked)}.")


def _columns(there: Sequence[str]) -> str:
    """Which columns *there* are, unless the first line of a file looks like data: no error quotes what is in a file."""
    if 10 * sum(_NAME.fullmatch(name) is None for name in there) <= len(there):
        return f"It has: {_listed(there)}."
    return f"It has {len(there):,} columns; their names look like data, and are not shown."


def _listed(names: Sequence[str]) -> str:
    """The first of *names*, as a source may hold any number of them, of any length and with anything in them."""
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    return ", ".join(repr(name)[:40] for name in names[:20]) + more


def _meant(missing: Sequence[str], there: Sequence[str]) -> str:
    """The columns of *there* that differ from those *missing* by case, blanks or a few letters only, as a question."""
    close = dict.fromkeys(one for name in missing for one in _close(name, there) if _NAME.fullmatch(one))
    return f"Did you mean {_listed(list(close))}? " if close else ""


def _close(name: str, there: Sequence[str]) -> list[str]:
    alike = [one for one in there if _bare(one) == _bare(name)]
    return alike or get_close_matches(name[:200], [one[:200] for one in there[:500]], n=1, cutoff=0.8)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold() or name


def check_columns(
    there: Sequence[str],
    wanted: Wanted,
    where: str,
    way_out: str = ", or write id_column=None to use the file name and the row number",
) -> None:
    """Raise SourceError where *where* has other columns *there* than *wanted*; *way_out*: what to do without an id."""
    times = Counter(there)
    if wanted.id_column is not None and wanted.id_column not in times:
        raise SourceError(
            f"{where} has no column {wanted.id_column!r} to know its rows by. {_meant([wanted.id_column], there)}"
            f"{_columns(there)} Name another one "
            f'with id_column="..."{way_out}.'
        )
    if missing := [name for name in wanted.values if name not in times]:
        raise SourceError(f"{where} has no column {_listed(missing)}. {_meant(missing, there)}{_columns(there)}")
    if twice := [name for name in {*wanted.with_id, *wanted.values} if times[name] > 1]:
        raise SourceError(f"{where} has more than one column {_listed(twice)}.")
