"""How large the pages of a Parquet column are once they are decoded, read from their headers before anything is decoded.

The footer also says sizes, but a reader obeys the headers. In no encoding is a value longer than its page, or than the page
of its dictionary; but rows without number may refer to one value. So what a batch of rows takes is bounded by the largest page
times its rows. (https://github.com/apache/parquet-format, parquet.thrift; Thrift's compact protocol)
"""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END
from typing import IO, NamedTuple

import pyarrow.parquet as pq

from airflow_provider_claude.sources.files.file import BeyondBoundsError

#: The largest page that is decoded, in bytes, whatever it has in the file. Most pages have 1 MB.
MAX_PAGE = 128 << 20

#: Arrow ends a page only after 1,024 rows, so that 200 kB a row make a page of 200 MB. One that is no more than so many times
#: what it has in the file is honest up to a size of its own: texts of people compress 3 to 10 times.
_HONEST_RATIO = 20
_MAX_HONEST_PAGE = 512 << 20

#: What the rows of one batch may take, in bytes, as far as the pages tell.
_MAX_BATCH = 64 << 20

#: Rows in a file beyond the first million may be so many for each of its bytes: a run of nulls takes none.
_MAX_ROWS_A_BYTE = 100
_ALWAYS = 1_000_000

#: Bytes of a page's header: statistics in it may hold values.
_MAX_HEADER = 1 << 20

#: Bytes of a footer: 25,000 columns of row groups, about.
_MAX_FOOTER = 8 << 20

#: No file is larger.
_MAX_PLACE = 1 << 60

#: Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_NUMBERS = frozenset({4, 5, 6})
_MAX_DEPTH = 8

#: The fields of a page's header that are used.
_UNCOMPRESSED, _COMPRESSED = 2, 3

#: Those of a footer, of a row group, and of a column in it.
_ROW_GROUPS, _COLUMNS, _METADATA = 4, 1, 3
_SIZE, _DATA, _DICTIONARY = 7, 9, 11


def check_rows(metadata: pq.FileMetaData, size: int) -> None:
    """Raise BeyondBoundsError where a file of *size* bytes says that it has far more rows than it can hold texts."""
    rows = sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if max(rows, metadata.num_rows) > _ALWAYS + _MAX_ROWS_A_BYTE * size:
        raise BeyondBoundsError(f"it says that it has {rows:,} rows, in {size:,} bytes")


class Columns:
    """The columns *names* of the file *parquet*, which is read from *stream*."""

    def __init__(self, stream: IO[bytes], parquet: pq.ParquetFile, names: list[str]) -> None:
        self._stream, self._parquet = stream, parquet
        paths = (parquet.schema.column(index).path for index in range(len(parquet.schema)))
        self._groups = _chunks(stream)
        self._places = [n for n, path in enumerate(paths) if path in names or path.partition(".")[0] in names]

    def rows_at_once(self, group: int, most: int) -> int:
        """How many rows of the row group can be decoded at once: *most*, or fewer. Raises BeyondBoundsError for none."""
        return max(1, min(most, _MAX_BATCH // max(1, sum(self._largest(group, index) for index in self._places))))

    def _largest(self, group: int, index: int) -> int:
        """The bytes that a value of the column may take in the row group."""
        schema = self._parquet.schema.column(index)
        try:
            chunk = self._groups[group][index]
        except IndexError as e:
            raise BeyondBoundsError("its footer does not say where its columns are") from e
        largest = schema.length if schema.physical_type == "FIXED_LEN_BYTE_ARRAY" else 8
        for page in _pages(self._stream, chunk):
            largest = max(largest, page.uncompressed)
            if page.uncompressed > page.most():
                raise BeyondBoundsError(
                    f"a page of the column {schema.path[:80]!r} has {page.uncompressed:,} bytes once it is decoded, and "
                    f"{page.most():,} are read at most: write the file again with fewer rows in a page, with Arrow by "
                    "pyarrow.parquet.write_table(..., write_batch_size=10)"
                )
        return largest


class _Page(NamedTuple):
    uncompressed: int
    compressed: int
    header: int

    def most(self) -> int:
        """The bytes that it may have once it is decoded."""
        return max(MAX_PAGE, min(_MAX_HONEST_PAGE, _HONEST_RATIO * self.compressed))


class _Chunk(NamedTuple):
    """Where the pages of a column begin in a row group, and how many bytes they have."""

    start: int
    size: int

    @classmethod
    def of(cls, fields: dict[int, int]) -> _Chunk:
        start, dictionary = fields.get(_DATA, 0), fields.get(_DICTIONARY, 0)
        return cls(dictionary if 0 < dictionary < start else start, fields.get(_SIZE, 0))


def _chunks(stream: IO[bytes]) -> list[list[_Chunk]]:
    """The columns of each row group, as the footer has them. (Arrow's own view of a column ends the process where the
    statistics in it contradict the schema.)
    """
    end = stream.seek(0, SEEK_END)
    stream.seek(max(0, end - 8))
    size = int.from_bytes(stream.read(4), "little")
    if size > _MAX_FOOTER:
        raise BeyondBoundsError(f"its footer has {size:,} bytes, and {_MAX_FOOTER:,} are read at most")
    stream.seek(max(0, end - 8 - size))
    try:
        return _Header(stream.read(size)).groups()
    except IndexError as e:
        raise BeyondBoundsError("its footer cannot be read") from e


def _pages(stream: IO[bytes], chunk: _Chunk) -> Iterator[_Page]:
    if not 0 < chunk.start < _MAX_PLACE or not 0 < chunk.size < _MAX_PLACE:
        raise BeyondBoundsError("its footer does not say where its columns are")
    start, end = chunk.start, chunk.start + chunk.size
    while start < end:
        page = _page(stream, start, end)
        yield page
        start += page.header + page.compressed


def _page(stream: IO[bytes], start: int, end: int) -> _Page:
    """The page whose header begins at *start*. Raises BeyondBoundsError where there is none."""
    for most in (200, 1 << 14, _MAX_HEADER):
        stream.seek(start)
        header = _Header(stream.read(min(most, end - start)))
        try:
            fields = header.struct()
        except IndexError:
            continue
        sizes = fields.get(_UNCOMPRESSED, -1), fields.get(_COMPRESSED, -1)
        if min(sizes) < 0:
            break
        return _Page(*sizes, header.index)
    raise BeyondBoundsError("the header of a page cannot be read")


class _Header:
    """Reads a structure of Thrift's compact protocol from *data*. Raises IndexError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self.index = data, 0

    def struct(self, depth: int = 0) -> dict[int, int]:
        """The numbers in it, by field; all else is passed over."""
        if depth > _MAX_DEPTH:
            raise BeyondBoundsError("the header of a page cannot be read")
        fields: dict[int, int] = {}
        for number, kind in self._fields():
            value = self._value(kind, depth)
            if value is not None:
                fields[number] = value
        return fields

    def groups(self) -> list[list[_Chunk]]:
        """The row groups of a footer."""
        found: list[list[_Chunk]] = []
        for number, kind in self._fields():
            if (number, kind) == (_ROW_GROUPS, _LIST):
                found = [self._group() for _ in range(self._count()[0])]
            else:
                self._value(kind, 0)
        return found

    def _group(self) -> list[_Chunk]:
        found: list[_Chunk] = []
        for number, kind in self._fields():
            if (number, kind) == (_COLUMNS, _LIST):
                found = [self._column() for _ in range(self._count()[0])]
            else:
                self._value(kind, 0)
        return found

    def _column(self) -> _Chunk:
        found = _Chunk(0, 0)
        for number, kind in self._fields():
            if (number, kind) == (_METADATA, _STRUCT):
                found = _Chunk.of(self.struct(1))
            else:
                self._value(kind, 0)
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        """The number and the kind of each field, whose value has to be read before the next is asked for."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            yield number, head & 15

    def _value(self, kind: int, depth: int) -> int | None:
        if kind in _NUMBERS:
            return self._signed()
        if kind in {_TRUE, _FALSE}:
            return None
        if kind in {_BYTE, _DOUBLE}:
            self._skip(1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            self._skip(self._number())
        elif kind == _STRUCT:
            self.struct(depth + 1)
        elif kind in {_LIST, _SET}:
            self._list(depth)
        else:
            raise BeyondBoundsError("the header of a page cannot be read")
        return None

    def _list(self, depth: int) -> None:
        count, kind = self._count()
        for _ in range(count):
            if kind in {_TRUE, _FALSE}:
                self._skip(1)
            else:
                self._value(kind, depth + 1)

    def _count(self) -> tuple[int, int]:
        """How many values a list has, and of which kind."""
        head = self._byte()
        return head >> 4 if head >> 4 != 15 else self._number(), head & 15

    def _skip(self, size: int) -> None:
        self.index += size
        if self.index > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.index += 1
        return self._data[self.index - 1]

    def _number(self) -> int:
        found = shift = 0
        while (byte := self._byte()) & 0x80:
            found |= (byte & 0x7F) << shift
            shift += 7
        return found | byte << shift

    def _signed(self) -> int:
        found = self._number()
        return found >> 1 ^ -(found & 1)
