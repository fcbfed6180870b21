"""A source: what a path holds, as one stream of Arrow record batches of texts.

Every row of the source comes through, in order: a broken file, row or charset is a row whose `defect` says
`"<word>: <sentence>"`, and is never fatal. What would break every row (a missing path, column or id)
raises SourceError instead, before or while reading, so that nothing is spent on it.

    word              what is wrong                                    what it costs
    unreadable_file   the file is corrupt from some row on, or of      an unknown number of rows, or those that a footer counts
                      another kind than its name says
    broken_rows       lines are no CSV, such as behind an open quote   the rows that begin in them
    broken_row        a line is no CSV record or no JSON object        that row
    repeated_header   a row of a CSV is the header again               that row
    bad_charset       a line is neither UTF-8 nor Windows-1252         that row
    missing_id        the id column is null or blank                   that row
    oversize          a mail of more than 25 MB, a row of a CSV of 16  that row
    unreadable_mail   a mail that the reader fails on, or a file       that row
                      that is no mail

A defect that covers several rows, or an unknown number, says so in `lost_rows` and is itself no row (see `rows.region`).

`source_ref` is `<file>#<n>`: n counts the rows of Parquet and CSV, the lines of JSON Lines and the mails of an
mbox, from 1. The file of a single mail is its own reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_claude.core.scan.origin import MissingSource, Origin
from airflow_provider_claude.core.tables import carried_name
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.extras import need
from airflow_provider_claude.sources.charset.encoding import check_encoding
from airflow_provider_claude.sources.files.allowed import Allowed
from airflow_provider_claude.sources.files.archives import expanded
from airflow_provider_claude.sources.files.choosing import Choice, Fits, choose
from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.finding import Found, MissingSourceError, find_files
from airflow_provider_claude.sources.files.formats import FORMATS
from airflow_provider_claude.sources.files.read_ahead import read_ahead
from airflow_provider_claude.sources.mail import eml, mbox
from airflow_provider_claude.sources.mail.read_mail import MAIL_COLUMNS
from airflow_provider_claude.sources.rows.batches import Row, Wanted, batches_of
from airflow_provider_claude.sources.rows.column_names import RESERVED, check_columns, check_names
from airflow_provider_claude.sources.rows.guessing import Tally, refusal, watched, watched_batches
from airflow_provider_claude.sources.tables import csv_rows, jsonl, parquet_tables
from airflow_provider_claude.sources.tables.carried import carried_types

if TYPE_CHECKING:
    from upath import UPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows to be read. `batches()` may be called again; each call reads the files again.

    *columns* are those of the source that are read; *files* are in reading order. In the batches they come after
    SOURCE_FIELDS, as the `wanted` of the source says. *foreign* are the names of files beside them that
    are no part of it.
    """

    path: UPath
    format: str
    files: tuple[SourceFile, ...]
    wanted: Wanted
    foreign: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.wanted.values))

    @property
    def origin(self) -> Origin:
        return Origin.of(str(self.path), self.format, files=len(self.files), foreign=self.foreign)

    @property
    def schema(self) -> pa.Schema:
        return self.wanted.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """At most `batch_rows` rows at a time. Raises SourceError where a later file lacks a wanted column."""
        if self.format == "parquet":
            return chain.from_iterable(map(self._parquet, self.files))
        files = read_ahead(self.files) if self.format == "eml" else self.files
        return batches_of(chain.from_iterable(map(self._watched, files)), self.wanted)

    def _parquet(self, file: SourceFile) -> Iterator[pa.RecordBatch]:
        self._need_columns(file)
        return watched_batches(parquet_tables.batches(file, self._of(file)), partial(self._refusal, file))

    def _watched(self, file: SourceFile) -> Iterable[Row]:
        rows = self._rows(file)
        return watched(rows, partial(self._refusal, file)) if self.format in {"csv", "jsonl"} else rows

    def _refusal(self, file: SourceFile, tally: Tally) -> SourceError | None:
        texts = parquet_tables.texts(file, self.wanted) if self.format == "parquet" else file.lines()
        return refusal(tally, f"{file.name} of {self.path}", self.wanted.encoding, texts)

    def _rows(self, file: SourceFile) -> Iterable[Row]:
        match self.format:
            case "csv":
                self._need_columns(file)
                return csv_rows.rows(file, self._of(file))
            case "jsonl":
                return jsonl.rows(file, self._of(file))
            case "mbox":
                return mbox.rows(file, self._of(file))
            case "eml":
                return [eml.row(file, self._of(file))]
            case _:
                raise ValueError(f"no reader for {self.format}: add it here")

    def _of(self, file: SourceFile) -> Wanted:
        """What is wanted of *file*, with what its folders say."""
        return replace(self.wanted, constants=file.partitions) if file.partitions else self.wanted

    def _need_columns(self, file: SourceFile) -> None:
        there = _columns_there(self.format, file, frozenset(), self.wanted.encoding)
        if there is not None:
            check_columns(there, self.wanted, f"{file.name} of {self.path}")


def open_source(
    path: UPath,
    *,
    format: str | None = None,  # noqa: A002 - the word for it
    id_column: str | None = "id",
    columns: Sequence[str] | None = None,
    carry: Sequence[str] = (),
    batch_rows: int = 500,
    encoding: str | None = None,
    missing: MissingSource = "fail",
    allowed: Allowed | None = None,
) -> Source:
    """The rows at *path*: a file, a folder or a glob, of one of FORMATS (by the suffix if not given).

    *columns* are read as text, None means all. *carry* are read in the types they have. Folders such as `month=11` are columns
    of the files below them, unless a file holds one of that name. *id_column* None names rows by `source_ref`. Mails are always
    named by it, unless *id_column* is one of MAIL_COLUMNS. *encoding* is the character set of CSV, JSON Lines and the binary
    columns of Parquet; None is UTF-8, or what a byte order mark says. Mails declare their own. Where there is no file,
    *missing* says whether that is an error or a source without rows. *allowed*: what may be read; None is what *path* stands
    for itself.

    Raises SourceError where the path, the format, a column or the id is missing, and JobError where *encoding* is not a
    character set.
    """
    if format is not None and format not in FORMATS:
        raise SourceError(f"source_format is {format!r}: write one of {', '.join(map(repr, FORMATS))}.")
    sought = frozenset([*(columns or ()), *carry, *filter(None, [id_column])])
    kind, files, foreign = _chosen(path, format, partial(_fits, sought, encoding), missing, allowed)
    if kind == "eml" and any(file.suffixes[0] == ".msg" for file in files):
        need("mail", "An Outlook message (.msg)")
    if kind in {"eml", "mbox"} and id_column not in MAIL_COLUMNS:
        id_column = None
    there = next(filter(None, (_columns_there(kind, file, sought, encoding) for file in files)), None)
    asked = tuple(there or ()) if columns is None else tuple(dict.fromkeys(columns))
    if columns is None and id_column in RESERVED:
        asked = tuple(name for name in asked if name != id_column)
    typed = _types(kind, files, carry)
    wanted = Wanted(
        columns=tuple(dict.fromkeys([*asked, *(name for name in carry if name not in typed)])),
        id_column=id_column,
        batch_rows=batch_rows,
        encoding=check_encoding(encoding),
        carried=tuple(pa.field(carried_name(name, asked), one) for name, one in typed.items()),
    )
    check_names([*asked, *(name for name in carry if name not in asked)], path)
    if there is not None:
        check_columns(there, wanted, str(path))
    return Source(path=path, format=kind, files=files, wanted=wanted, foreign=foreign)


def _chosen(path: UPath, asked: str | None, fits: Fits, missing: MissingSource, allowed: Allowed | None) -> Choice:
    """What is read of *path*."""
    try:
        return _of_found(expanded(find_files(path, allowed), path), asked, fits, path)
    except MissingSourceError as e:
        if missing == "empty":
            return Choice(asked or "none", (), ())
        raise MissingSourceError(
            f'{e} Where a day without data is fine, write missing_source="empty": the run is then green, with 0 rows.'
        ) from e


def _of_found(found: Found, asked: str | None, fits: Fits, path: UPath) -> Choice:
    if found.single and asked:
        return Choice(asked, found.files, ())
    choice = choose(found.files, asked, str(path), fits)
    if not choice.files and found.rest:
        raise SourceError(
            f"{path} holds no file that can be reached: {found.rest[0].name!r:.200} cannot be looked into."
        )
    if not choice.files:
        what = (
            f"{choice.foreign[0]!r} is not data, and there is nothing else"
            if choice.foreign
            else "the archive is empty"
        )
        raise MissingSourceError(f"There is no source at {path}: {what}.")
    return Choice(choice.format, (*choice.files, *found.rest), (*choice.foreign, *found.strays, *found.skipped))


def _fits(sought: frozenset[str], encoding: str | None, file: SourceFile, kind: str) -> bool:
    """Whether *file*, whose name has no format, is one of *kind*. Mails are checked when they are read: there may be many."""
    if kind == "eml":
        return True
    if kind == "mbox":
        return mbox.begins(file)
    there = _columns_there(kind, file, sought, encoding)
    return there is not None and sought.issubset(there)


def _columns_there(kind: str, file: SourceFile, sought: frozenset[str], encoding: str | None) -> list[str] | None:
    """The columns of *file*, then those its folders are named for; None where it holds no names."""
    found = _columns_in(kind, file, sought, encoding)
    return found and [*found, *(name for name in file.partitions if name not in found)]


def _columns_in(kind: str, file: SourceFile, sought: frozenset[str], encoding: str | None) -> list[str] | None:
    match kind:
        case "parquet":
            return [field.name for field in parquet_tables.fields(file) or ()] or None
        case "csv":
            return csv_rows.columns(file, encoding)
        case "jsonl":
            return jsonl.columns(file, sought, encoding)
        case _:
            return list(MAIL_COLUMNS)


def _types(kind: str, files: Sequence[SourceFile], carry: Sequence[str]) -> dict[str, pa.DataType]:
    """The types of those columns of *carry* that are not text."""
    if kind == "none":
        return dict.fromkeys(carry, pa.null())
    if kind == "parquet" and carry:
        return carried_types(files, carry)
    return {"date": pa.timestamp("us", tz="UTC")} if kind in {"eml", "mbox"} and "date" in carry else {}
