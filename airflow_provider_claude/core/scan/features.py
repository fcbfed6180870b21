"""Texts as hashed features: words and the letters within them, a number each, nothing of the text itself.

folding   what `folding.fold` made of them, without regard to case; any digit is `0`
tokens    runs of letters, of digits, of the same mark, of line ends from two on; a CJK character is a token of its own
features  per token: it, it with one or two before it, it with the last but one, and the n-grams of bytes that end in it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Bits of a feature's number, for features of words and of bytes each.
WORD_BITS = 18
BYTE_BITS = 18

#: Lengths of the n-grams of bytes.
GRAMS = (5,)

#: What an n-gram of bytes counts beside a word.
GRAM_WEIGHT = 0.5

#: Bytes looked at in one go. Memory is some 60 times that.
CHUNK = 1 << 16

#: A text longer than a chunk is looked at in chunks that overlap by as many bytes.
OVERLAP = 1 << 11

_SPACE, _LETTER, _DIGIT, _LINE, _MARK = range(5)

U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of some texts, one after the other: *hashes*, the text of each (*rows*, ascending), its number in the text
    (*positions*, from 0), and its bytes: from *starts* to before *stops*. *bounds*: where texts begin, and where the last
    ends. *sums* are polynomials of all bytes.
    """

    hashes: U32
    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    sums: U32
    bounds: NDArray[np.int64]


def chunks(texts: pa.Array) -> Iterator[tuple[int, Tokens]]:
    """The tokens of the folded strings *texts* by chunks, each with the row its own row 0 is. A long text is in several
    chunks; nulls are as empty ones.
    """
    texts = pc.fill_null(pc.cast(texts, pa.large_string()), "")
    ends = _offsets(texts)
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    row = 0
    while row < len(texts):
        last = max(int(np.searchsorted(ends, ends[row] + CHUNK, "right")) - 1, row + 1)
        for start, stop in _pieces(int(ends[row]), int(ends[last])):
            yield row, tokens(data[start:stop], ends[row : last + 1].clip(start, stop) - start)
        row = last


def _pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    while stop - start > CHUNK:
        yield start, start + CHUNK
        start += CHUNK - OVERLAP
    yield start, stop


def _offsets(texts: pa.Array) -> NDArray[np.int64]:
    return np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each byte, the byte it is read as, and its kind."""
    plain = np.arange(256, dtype=np.uint8)
    kinds = np.full(256, _MARK, np.uint8)
    plain[ord("A") : ord("Z") + 1] += 32
    plain[ord("0") : ord("9") + 1] = ord("0")
    plain[:33] = plain[127] = ord(" ")
    plain[10] = plain[13] = ord("\n")
    kinds[[*range(33), 127]] = _SPACE
    kinds[[10, 13]] = _LINE
    kinds[ord("0") : ord("9") + 1] = _DIGIT
    kinds[[*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1), *range(128, 256)]] = _LETTER
    return plain, kinds


_PLAIN, _KINDS = _tables()

#: First bytes of letters that are words by themselves: all of three and four bytes, but for Hangul's.
_SINGLE = np.array([byte >= 0xE3 and byte not in range(0xEA, 0xEE) for byte in range(256)])


def _powers(factor: int) -> U32:
    powers = np.full(CHUNK + 1, factor, np.uint32)
    powers[0] = 1
    return np.multiply.accumulate(powers, dtype=np.uint32)


#: A run of bytes is hashed as a polynomial, whose sums to each place are kept; the inverse powers move it to place 0.
_FACTOR = 0x01000193
_POWERS = _powers(_FACTOR)
_INVERSE = _powers(pow(_FACTOR, -1, 1 << 32))


def _sums(data: NDArray[np.uint8]) -> U32:
    """The polynomial of the bytes before each place, and of all."""
    sums = np.zeros(len(data) + 1, np.uint32)
    np.cumsum((data + np.uint32(7)) * _POWERS[: len(data)], dtype=np.uint32, out=sums[1:])
    return sums


def tokens(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> Tokens:
    """The tokens of the texts in *data*, of which text n is from *ends*[n] to *ends*[n + 1]."""
    kinds, plain = _KINDS.take(data), _PLAIN.take(data)
    begins = np.zeros(len(data) + 1, bool)
    begins[ends] = True
    _join_apostrophes(plain, kinds, begins)
    _join_lines(plain, kinds, begins)
    first = np.ones(len(data), bool)
    first[1:] = (kinds[1:] != kinds[:-1]) | ((kinds[1:] == _MARK) & (plain[1:] != plain[:-1]))
    first |= _SINGLE.take(data)
    first |= begins[:-1]
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], len(data))[: len(starts)]
    kept = kinds.take(starts) != _SPACE
    starts, stops = starts[kept], stops[kept]
    sums = _sums(plain)
    hashes = _mixed((sums.take(stops) - sums.take(starts)) * _INVERSE.take(starts))
    first_of = np.searchsorted(starts, ends)
    counts = np.diff(first_of)
    rows = np.repeat(np.arange(len(counts)), counts)
    positions = np.arange(len(starts)) - np.repeat(first_of[:-1], counts)
    return Tokens(hashes, rows, positions, starts, _next(starts, ends, rows), sums, ends)


def _next(starts: NDArray[np.int64], ends: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the token after each begins, or its text ends: what stands between two tokens belongs to the first."""
    after = np.append(starts[1:], ends[-1])[: len(starts)]
    within: NDArray[np.int64] = np.minimum(after, ends[1:].take(rows))
    return within


def _join_apostrophes(plain: NDArray[np.uint8], kinds: NDArray[np.uint8], begins: NDArray[np.bool_]) -> None:
    """An apostrophe within a word is a letter of it."""
    at = np.flatnonzero(plain == ord("'"))
    at = at[~begins[at] & ~begins[at + 1]]
    kinds[at[(kinds[at - 1] == _LETTER) & (kinds[at + 1] == _LETTER)]] = _LETTER


def _join_lines(plain: NDArray[np.uint8], kinds: NDArray[np.uint8], begins: NDArray[np.bool_]) -> None:
    """A single end of a line is a space: mail is wrapped anywhere."""
    at = np.flatnonzero(kinds == _LINE)
    after = np.minimum(at + 1, len(kinds) - 1)
    single = at[(begins[at] | (kinds[at - 1] != _LINE)) & (begins[at + 1] | (kinds[after] != _LINE))]
    plain[single] = ord(" ")
    kinds[single] = _SPACE


def _mixed(values: U32) -> U32:
    values = (values ^ (values >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    return (values ^ (values >> np.uint32(12))) * np.uint32(0x297A2D39)


def word_features(found: Tokens) -> list[U32]:
    """Numbers below 2 ** WORD_BITS: for each kind of feature that of words one for each token."""
    one = found.hashes
    two = _before(found, 1)
    three = _before(found, 2)
    pair = _mixed(one + np.uint32(3) * two)
    kinds = (one, pair, _mixed(pair + np.uint32(5) * three), _mixed(one + np.uint32(7) * three))
    return [kind >> np.uint32(32 - WORD_BITS) for kind in kinds]


def _before(found: Tokens, distance: int) -> U32:
    """The hash of the token *distance* before each, or of none where a text begins."""
    before = np.full(len(found.hashes), 0x9E3779B9, np.uint32)
    before[distance:] = found.hashes[:-distance]
    before[found.positions < distance] = 0x9E3779B9
    return before


def byte_features(found: Tokens) -> Iterator[U32]:
    """Numbers below 2 ** BYTE_BITS: for each length of n-grams, that of the one that ends at each byte. At the beginning of
    a text they are shorter: nothing of a text is in the features of the next.
    """
    for length in GRAMS:
        grams = found.sums[1:].copy()
        whole = max(len(grams) - length, 0) + 1
        grams[length:] -= found.sums[1:whole]
        grams[length:] *= _INVERSE[1:whole]
        for position in range(length):
            at = found.bounds[:-1][np.diff(found.bounds) > position]
            grams[at + position] = (found.sums[at + position + 1] - found.sums[at]) * _INVERSE[at]
        yield _mixed(grams + np.uint32(length)) >> np.uint32(32 - BYTE_BITS)
