"""A table whose text is mostly a guess at its character set is not read: one wrong guess makes every row wrong.

A row counts as *foreign* where a text of it holds more than ASCII, and as *unfit* where its bytes are not in the character
set of the table: its set was guessed, or U+FFFD stands for some of them. A few such rows are flagged and kept. A file fails
where more than half of its foreign rows are unfit, and they are 1 % of its rows or 20; where they hold three *strange*
characters at least, guessed ones and U+FFFD; and where they hold less than twice as many that fit, as by chance short texts do.
So stray bytes, and texts that were cut inside a character, stop nothing.

What the file may be in instead is guessed for the message alone: on short texts such a guess errs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.core.scan.normalise import is_foreign
from airflow_provider_claude.core.tables import SOURCE_FIELDS
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.charset.decoding import GUESS, LOSS, beyond_ascii, guess
from airflow_provider_claude.sources.rows.batches import Row
from airflow_provider_claude.sources.rows.values import NOT_TEXT

#: What to raise about a file, by its tally.
Refusal = Callable[["Tally"], SourceError | None]

#: So many unfit rows, and nearly no others, make it clear before the end of a file.
_CLEAR = 1_000

_FEW = 20

#: So many strange characters in a file are stray bytes, and no text in another character set.
_STRAY = 2

#: Bytes of a file that are looked at for the guess.
_LOOKED_AT = 1 << 20
_SAMPLE = 1 << 16


@dataclass(slots=True)
class Tally:
    """The rows of a file so far."""

    rows: int = 0
    foreign: int = 0
    unfit: int = 0
    strange: int = 0
    fitting: int = 0
    is_fine: bool = False

    @property
    def is_clear(self) -> bool:
        return self.unfit >= _CLEAR and self.unfit > 0.95 * self.foreign and self._is_strange

    @property
    def is_most(self) -> bool:
        few = self.unfit < _FEW and self.unfit * 100 < self.rows
        return 2 * self.unfit > self.foreign and self._is_strange and not few

    @property
    def _is_strange(self) -> bool:
        return self.strange > _STRAY and 2 * self.strange > self.fitting

    def check(self, refusal: Refusal, *, end: bool = False) -> None:
        """Raise the *refusal*, unless there is none after all, where most rows are guessed."""
        if (self.is_most if end else self.is_clear) and not self.is_fine:
            if error := refusal(self):
                raise error
            self.is_fine = True

    def add(self, row: Row) -> None:
        self.rows += 1
        texts = row.values if row.item_id is row.ref else (row.item_id, *row.values)
        for text in texts:
            if text is not None and not text.isascii():
                self.foreign += 1
                break
        if row.flags:
            self._flagged(row.flags, _foreign_texts(texts), broken=not row.values)

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Count the rows of *batch* (SOURCE_FIELDS and columns)."""
        ids = [] if batch.column("item_id").equals(batch.column("source_ref")) else [batch.column("item_id")]
        columns = [*ids, *(one for one in batch.columns[_OWN:] if one.type == pa.string())]
        foreign = pa.repeat(scalar(value=False, kind=pa.bool_()), batch.num_rows)
        for column in columns:
            foreign = pc.or_(foreign, is_foreign(column))
        self.rows += batch.num_rows
        self.foreign += foreign.true_count
        for row, flags in _flagged(batch):
            self._flagged(flags, _foreign_texts(column[row].as_py() for column in columns))

    def _flagged(self, flags: Sequence[str], texts: list[str], *, broken: bool = False) -> None:
        """Count a row with *flags*, whose foreign texts are *texts*. One that is *broken* has none to count characters of."""
        guessed = GUESS in flags
        if not (guessed or LOSS in flags) or not (texts or broken):
            return
        self.unfit += 1
        for text in texts:
            lost, others = text.count("\ufffd"), beyond_ascii(text)
            self.strange += lost + others if guessed else lost
            self.fitting += 0 if guessed else others


_OWN = len(SOURCE_FIELDS)


def _flagged(batch: pa.RecordBatch) -> list[tuple[int, list[str]]]:
    """The rows of *batch* that have flags."""
    flags = batch.column("flags")
    return [(row, one) for row, one in enumerate(flags.to_pylist()) if one] if len(flags.flatten()) else []


def _foreign_texts(values: Iterable[str | None]) -> list[str]:
    """The texts among *values* that hold more than ASCII, but for bytes that were never text."""
    return [text for text in values if text and not text.isascii() and not NOT_TEXT.search(text)]


def watched(rows: Iterable[Row], refusal: Refusal) -> Iterator[Row]:
    """*rows* of a file. Raises the *refusal* where most of their text is a guess."""
    tally = Tally()
    for row in rows:
        tally.add(row)
        if row.flags:
            tally.check(refusal)
        yield row
    tally.check(refusal, end=True)


def watched_batches(batches: Iterable[pa.RecordBatch], refusal: Refusal) -> Iterator[pa.RecordBatch]:
    """The same for *batches* of a file."""
    tally = Tally()
    for batch in batches:
        tally.add_batch(batch)
        tally.check(refusal)
        yield batch
    tally.check(refusal, end=True)


def refusal(tally: Tally, where: str, encoding: str | None, sample: Iterable[bytes]) -> SourceError | None:
    """What to raise about the file *where*, of which *sample* are texts; None where it is UTF-8 against what was said."""
    name = guess(b"\n".join(_some(sample)))
    if name == "utf-8":
        return None
    return SourceError(
        f"{where}: {tally.unfit:,} of {tally.foreign:,} rows with more than ASCII are not {encoding or 'UTF-8'}, so most of "
        f'its text would be a guess. Nothing is sent. It looks like {name}: write encoding="{name}" where that is right, '
        "else the character set it was written in."
    )


def _some(sample: Iterable[bytes]) -> Iterator[bytes]:
    """Texts of *sample* beyond ASCII, until there are enough."""
    looked_at = taken = 0
    for text in sample:
        looked_at += len(text)
        if not text.isascii():
            taken += len(text)
            yield text[:_SAMPLE]
        if looked_at > _LOOKED_AT or taken > _SAMPLE:
            return
