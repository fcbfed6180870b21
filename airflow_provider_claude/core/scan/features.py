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

from airflow_provider_claude.core.arrays import scalar

#: Bits of a feature's number, for features of words and of bytes each.
WORD_BITS = 18
BYTE_BITS = 18

#: Lengths of the n-grams of bytes.
GRAMS = (5,)

#: What an n-gram of bytes counts beside a word.
GRAM_WEIGHT = 0.5

_NOTHING = scalar("", pa.string()).cast(pa.large_string())

#: Bytes looked at in one go. Memory is some 60 times that.
CHUNK = 1 << 16

#: A text longer than a chunk is looked at in chunks that overlap by as many bytes.
OVERLAP = 1 << 11

#: Kinds of bytes, below those of all marks.
_SPACE, _LETTER, _DIGIT, _LINE = range(4)

U32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of some texts, one after the other: *hashes*, and the bytes of each: from *starts* to before *stops*.
    *first* is the number of the first token of each text, and how many there are in all. *bounds*: where texts begin, and
    where the last ends. *sums* are polynomials of all bytes.
    """

    hashes: U32
    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    sums: U32
    bounds: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many tokens each text has."""
        return self.first[1:] - self.first[:-1]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The text of each token, ascending."""
        return np.repeat(np.arange(len(self.first) - 1), self.counts)

    @property
    def positions(self) -> NDArray[np.int64]:
        """The number of each token in its text, from 0."""
        return np.arange(len(self.hashes)) - np.repeat(self.first[:-1], self.counts)


def chunks(texts: pa.Array) -> Iterator[tuple[int, Tokens]]:
    """The tokens of the folded strings *texts* by chunks, each with the row its own row 0 is. A long text is in several
    chunks; nulls are as empty ones.
    """
    texts = pc.fill_null(pc.cast(texts, pa.large_string()), _NOTHING)
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


def _plain() -> NDArray[np.uint8]:
    """For each byte, the byte it is read as."""
    plain = np.arange(256, dtype=np.uint8)
    plain[ord("A") : ord("Z") + 1] += 32
    plain[ord("0") : ord("9") + 1] = ord("0")
    plain[:33] = plain[127] = ord(" ")
    plain[10] = plain[13] = ord("\n")
    return plain


def _kinds() -> NDArray[np.uint8]:
    """For each byte its kind; that of a mark is the mark."""
    kinds = np.arange(256, dtype=np.uint8)
    kinds[[*range(33), 127]] = _SPACE
    kinds[[10, 13]] = _LINE
    kinds[ord("0") : ord("9") + 1] = _DIGIT
    kinds[[*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1), *range(128, 256)]] = _LETTER
    return kinds


_PLAIN, _KINDS = _plain().tobytes(), _kinds().tobytes()

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
    terms = np.add(data, np.uint32(7))
    terms *= _POWERS[: len(data)]
    np.cumsum(terms, dtype=np.uint32, out=sums[1:])
    return sums


def _read_as(data: bytes, table: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(bytearray(data).translate(table), np.uint8)


def tokens(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> Tokens:
    """The tokens of the texts in *data*, of which text n is from *ends*[n] to *ends*[n + 1]."""
    read = data.tobytes()
    kinds, plain = _read_as(read, _KINDS), _read_as(read, _PLAIN)
    begins = np.zeros(len(data) + 1, bool)
    begins[ends] = True
    _join_apostrophes(plain, kinds, begins)
    _join_lines(plain, kinds, begins)
    starts, stops = _runs(data, kinds, begins)
    sums = _sums(plain)
    hashes = _mixed((sums.take(stops) - sums.take(starts)) * _INVERSE.take(starts))
    first = np.searchsorted(starts, ends)
    return Tokens(hashes, first, starts, _next(starts, ends, first), sums, ends)


def _runs(
    data: NDArray[np.uint8], kinds: NDArray[np.uint8], begins: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of one of *kinds* start and stop, but for spaces."""
    cuts = np.ones(len(data) + 1, bool)
    np.not_equal(kinds[1:], kinds[:-1], out=cuts[1:-1])
    cuts |= begins
    if len(data) and data.max() > 127:
        cuts[:-1] |= _SINGLE.take(data)
    seen = kinds != _SPACE
    (starts,), (stops,) = (cuts[:-1] & seen).nonzero(), (cuts[1:] & seen).nonzero()
    return starts, stops + 1


def _next(starts: NDArray[np.int64], ends: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the token after each begins, or its text ends: what stands between two tokens belongs to the first."""
    after = np.empty_like(starts)
    after[:-1] = starts[1:]
    (some,) = (first[1:] > first[:-1]).nonzero()
    after[first[some + 1] - 1] = ends[some + 1]
    return after


def _join_apostrophes(plain: NDArray[np.uint8], kinds: NDArray[np.uint8], begins: NDArray[np.bool_]) -> None:
    """An apostrophe within a word is a letter of it."""
    (at,) = (plain == ord("'")).nonzero()
    at = at[~begins[at] & ~begins[at + 1]]
    kinds[at[(kinds[at - 1] == _LETTER) & (kinds[at + 1] == _LETTER)]] = _LETTER


def _join_lines(plain: NDArray[np.uint8], kinds: NDArray[np.uint8], begins: NDArray[np.bool_]) -> None:
    """A single end of a line is a space: mail is wrapped anywhere."""
    (at,) = (kinds == _LINE).nonzero()
    after = np.minimum(at + 1, len(kinds) - 1)
    single = at[(begins[at] | (kinds[at - 1] != _LINE)) & (begins[at + 1] | (kinds[after] != _LINE))]
    plain[single] = ord(" ")
    kinds[single] = _SPACE


def _mixed(values: U32) -> U32:
    """*values*, which are changed, with their bits mixed."""
    shifted = values >> np.uint32(15)
    values ^= shifted
    values *= np.uint32(0x2C1B3C6D)
    np.right_shift(values, np.uint32(12), out=shifted)
    values ^= shifted
    values *= np.uint32(0x297A2D39)
    return values


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
    for place in range(distance):
        first = found.first[:-1][found.counts > place]
        before[first + place] = 0x9E3779B9
    return before


def byte_features(found: Tokens) -> Iterator[U32]:
    """Numbers below 2 ** BYTE_BITS: for each length of n-grams, that of the one that ends at each byte. At the beginning of
    a text they are shorter: nothing of a text is in the features of the next.
    """
    sizes = found.bounds[1:] - found.bounds[:-1]
    for length in GRAMS:
        grams = found.sums[1:].copy()
        whole = max(len(grams) - length, 0) + 1
        grams[length:] -= found.sums[1:whole]
        grams[length:] *= _INVERSE[1:whole]
        for position in range(length):
            at = found.bounds[:-1][sizes > position]
            grams[at + position] = (found.sums[at + position + 1] - found.sums[at]) * _INVERSE[at]
        grams += np.uint32(length)
        grams = _mixed(grams)
        grams >>= np.uint32(32 - BYTE_BITS)
        yield grams
