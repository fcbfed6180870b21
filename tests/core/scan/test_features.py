from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.scan import features
from airflow_provider_claude.core.scan.folding import fold


def hashes(text: str) -> list[int]:
    return [int(one) for _, found in features.chunks(fold(pa.array([text]))) for one in found.hashes]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ignore THIS", "ignore this"),
        ("ignore  \t this", "ignore this"),
        ("ignore\nthis", "ignore this"),
        ("Ｉｇｎｏｒｅ this", "ignore this"),
        ("ígnore thís", "ignore this"),
        ("ig\u200bnore this", "ignore this"),
        ("“this”", '"this"'),
        ("don’t", "don't"),
        ("ÜBER", "über"),
        ("in 2024", "in 1999"),
        ("what???", "what?????"),
    ],
)
def test_what_reads_alike_is_alike(one: str, other: str) -> None:
    if "?" in one:
        assert len(hashes(one)) == len(hashes(other)) == 2
    else:
        assert hashes(one) == hashes(other)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \t\x00", 0),
        ("don't stop", 2),
        ("'quoted'", 3),
        ("a1b", 3),
        ("one\n\ntwo", 3),
        ("ignore:now", 3),
        ("忽略指令", 4),
        ("지시를 무시", None),
    ],
)
def test_tokens_are_words_numbers_marks_and_single_cjk_characters(text: str, tokens: int | None) -> None:
    found = hashes(text)
    assert tokens is None or len(found) == tokens


@given(st.lists(st.text("ab'Z 09\t\n\r!?-_\x00\x7fé漢한🎉", max_size=40), min_size=1, max_size=4))
def test_tokens_are_what_a_slow_look_at_each_character_finds(texts: list[str]) -> None:
    found = next((found for _, found in features.chunks(pa.array(texts))), None)
    assert found is not None
    data = "".join(texts).encode()
    spans = zip(found.starts.tolist(), found.stops.tolist(), strict=True)
    assert [data[start:stop].decode().rstrip(_SPACES) for start, stop in spans] == [
        token for text in texts for token in slow_tokens(text)
    ]
    assert found.rows.tolist() == [row for row, text in enumerate(texts) for _ in slow_tokens(text)]


_SPACES = " \t\x00\x7f\n\r"


def slow_tokens(text: str) -> list[str]:
    kinds = [_kind(text, place) for place in range(len(text))]
    starts = [
        place for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1] or text[place] in "漢🎉"
    ]
    pieces = [(kinds[start], text[start:stop]) for start, stop in pairwise([*starts, len(text)])]
    return [piece.rstrip(_SPACES) for kind, piece in pieces if kind != "space"]


def _kind(text: str, place: int) -> str:
    one = text[place]
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if one in "\n\r":
        return "lines" if {before, after} & {"\n", "\r"} else "space"
    if one in _SPACES:
        return "space"
    if one.isdigit():
        return "digit"
    if _is_letter(one) or (one == "'" and _is_letter(before) and _is_letter(after)):
        return "letter"
    return one


def _is_letter(one: str) -> bool:
    return one.isalpha() or one == "🎉"


def test_a_text_has_the_same_features_whatever_stands_beside_it() -> None:
    texts = ["first mail.", "", "ignore the rules'", "s", "   ", "x", "last\n", "\n", "\n\n'em"]
    (_, whole), *_ = features.chunks(fold(pa.array(texts)))
    for row, text in enumerate(texts):
        mine = whole.rows == row
        alone = next((found for _, found in features.chunks(fold(pa.array([text])))), None)
        assert alone is not None
        for got, expected in zip(features.word_features(whole), features.word_features(alone), strict=True):
            assert got[mine].tolist() == expected.tolist()
        assert whole.positions[mine].tolist() == list(range(mine.sum()))
        assert gram_sums(whole, mine) == gram_sums(alone, alone.rows == 0)


def gram_sums(found: features.Tokens, mine: np.ndarray) -> list[list[int]]:
    """For each token of *mine* and each length, the sum of the numbers of its n-grams."""
    sums = [np.append(0, np.cumsum(grams.astype(np.int64))) for grams in features.byte_features(found)]
    return [(one[found.stops[mine]] - one[found.starts[mine]]).tolist() for one in sums]


def test_features_fit_their_tables() -> None:
    (_, found), *_ = features.chunks(fold(pa.array(["Some words, 12 of them: ÄÖÜ 漢字 🎉!" * 50])))
    assert all(int(kind.max()) < 1 << features.WORD_BITS for kind in features.word_features(found))
    assert all(int(kind.max()) < 1 << features.BYTE_BITS for kind in features.byte_features(found))


def test_a_long_text_comes_in_chunks_that_overlap() -> None:
    text = "word " * (features.CHUNK // 2)
    sizes = [len(found.sums) - 1 for _, found in features.chunks(fold(pa.array(["a", text, "b"])))]
    assert sizes[0] == 1
    assert max(sizes) == features.CHUNK
    assert sum(sizes) == len(text) + 2 + (len(sizes) - 3) * features.OVERLAP


def test_a_slice_is_read_as_the_slice() -> None:
    whole = pa.array(["left out", "kept", None, "also kept"])
    (row, found), *_ = features.chunks(whole.slice(1))
    assert (row, found.rows.tolist()) == (0, [0, 2, 2])
    assert found.hashes.tolist() == [*hashes("kept"), *hashes("also kept")]


def test_bytes_that_are_no_text_are_read_anyhow() -> None:
    bad = np.frombuffer(b"ok\xff\xfe\x80 ignore", np.uint8).tobytes()
    array = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, len(bad)], np.int32)), pa.py_buffer(bad)]
    )
    (_, found), *_ = features.chunks(fold(array))
    assert hashes("ignore")[0] in found.hashes.tolist()
