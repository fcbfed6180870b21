"""What a scan could not read: how many rows, and in which files.

A source reports damage that covers several rows as one *region*: a row whose `lost_rows` is the number of rows in it, or
null where they cannot be counted. A region is itself no row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.errors import SourceError

#: The word of a region for which the file as a whole counts as unreadable, even where its rows are counted.
UNREADABLE = "unreadable_file"

#: Unreadable files that are named; beyond, they are counted.
_NAMED = 20


@dataclass(slots=True)
class Losses:
    """The *rows* in regions that were counted, the *regions* seen, how many of them are *uncounted*, and the unreadable *files*.

    *named* are the first of these files, each with what is wrong with it.
    """

    rows: int = 0
    regions: int = 0
    uncounted: int = 0
    files: int = 0
    named: list[str] = field(default_factory=list)
    _last: str | None = None

    def read(self, chunk: pa.RecordBatch) -> None:
        """Count the regions of *chunk* (SOURCE_FIELDS), which comes after those counted so far."""
        marks = regions(chunk)
        if not marks:
            return
        self.regions += len(marks)
        for row in marks:
            lost, defect = chunk.column("lost_rows")[row].as_py(), chunk.column("defect")[row].as_py()
            self.rows += lost or 0
            self.uncounted += lost is None
            word, _, sentence = defect.partition(": ")
            if lost is None or word == UNREADABLE:
                self._name(chunk.column("source_ref")[row].as_py().rpartition("#")[0], sentence)

    def add(self, rows: int, uncounted: int, files: int, named: list[str]) -> None:
        """Count what another scan, of other files, has lost."""
        self.rows += rows
        self.uncounted += uncounted
        self.files += files
        self.named = [*self.named, *named][:_NAMED]

    def _name(self, file: str, sentence: str) -> None:
        if file == self._last:
            return
        self._last = file
        self.files += 1
        if len(self.named) < _NAMED:
            self.named.append(f"{file[:200]!r}: {sentence[:300]}")


def regions(chunk: pa.RecordBatch) -> list[int]:
    """The rows of *chunk* that stand for a region."""
    lost = chunk.column("lost_rows")
    if not lost.null_count and not pc.any(pc.not_equal(lost, scalar(0, pa.int64()))).as_py():
        return []
    return [row for row, value in enumerate(lost.to_pylist()) if value != 0]


def refuse(losses: Losses, source: str, read: int) -> None:
    """Raise SourceError where files of *source* are unreadable; *read* rows came out of the others, and of their beginnings."""
    if not losses.files:
        return
    more = losses.files - len(losses.named)
    listed = "\n  ".join([*losses.named, *([f"and {more:,} more files"] if more else [])])
    files = "1 file" if losses.files == 1 else f"{losses.files:,} files"
    raise SourceError(
        f"{files} of {source} cannot be read whole, so an unknown number of rows is missing:\n  {listed}\n"
        f"{read:,} rows were read; nothing was sent. Repair or remove what is damaged and run the scan again, or write "
        f'unreadable_files="quarantine" to continue without what could not be read: the report then says so.'
    )
