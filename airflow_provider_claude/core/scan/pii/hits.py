"""A find in a text, and the way to it: RE2 picks the rows, a bounded pattern the candidates, a library decides."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa


class Hit(NamedTuple):
    """Characters *start* (included) to *end* (not) of a text. *value* is what they say, however it is written: two
    spellings of one number have one value.
    """

    start: int
    end: int
    value: str
    kind: str = ""


#: Finds one kind in a column of strings: the row and its hits, for rows that have some.
Finder = Callable[["pa.Array"], Iterator[tuple[int, list[Hit]]]]


def each_text(hint: str, find: Callable[[str], list[Hit]]) -> Finder:
    """A finder that asks *find* about the texts in which the RE2 pattern *hint* is found, and about no other."""

    def finder(texts: pa.Array) -> Iterator[tuple[int, list[Hit]]]:
        import pyarrow.compute as pc

        rows = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, hint), fill_value=False))
        for row, text in zip(rows.to_pylist(), texts.take(rows).to_pylist(), strict=True):
            if hits := find(text):
                yield row, hits

    return finder


def without_overlap(hits: list[Hit]) -> list[Hit]:
    """*hits* from left to right, without a character that two share, and with all that any has.

    Of those that share some the longest is whole, then the first; another has what is left of it, if anything is.
    """
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start - hit.end, hit.start)):
        _keep(hit, kept)
    return kept


def _keep(hit: Hit, kept: list[Hit]) -> None:
    """Put what *kept* leaves of *hit* among them: one piece at most, since each of them is of a find at least as long."""
    index = bisect(kept, hit.start, key=lambda other: other.start)
    start = max(hit.start, kept[index - 1].end) if index else hit.start
    while index < len(kept) and kept[index].start == start:
        start = kept[index].end
        index += 1
    end = min(hit.end, kept[index].start) if index < len(kept) else hit.end
    if start < end:
        kept.insert(index, hit._replace(start=start, end=end))
