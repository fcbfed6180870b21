from __future__ import annotations

import time
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.scan.normalise import MAX_DIACRITICS, MAX_MARKS, REMOVED, TOLD, normalise

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "hi")
ODD = "\u200b\u2060\ufeff\u202e\u2066\xad\x00\x85\r\n\u0301e\ufe0f\ufe0e\U000e0101\U000e0041\U0001f3f4\u200d"


def clean(text: str) -> tuple[str, list[str]]:
    cleaned = normalise(pa.array([text], pa.string()))
    return cleaned.texts[0].as_py(), list(cleaned.changes)


@pytest.mark.parametrize(
    ("text", "kept", "flags"),
    [
        ("plain\n\ttext", "plain\n\ttext", []),
        ("a\r\nb\rc", "a\nb\nc", []),
        ("i\u200bg\u2060nore\ufeff", "ignore", ["split_words", "hidden_characters"]),
        ("ab \u202ecd\u2066\u2069", "ab cd", ["bidi_controls"]),
        ("a\x00b\x1bc\x7f\x85", "abc", ["control_characters"]),
        ("Donau\xaddampfer", "Donaudampfer", ["soft_hyphens"]),
        (f"a{TAGS}b", "ab", ["tag_characters"]),
        (f"{ENGLAND} won", f"{ENGLAND} won", []),
        (f"{ENGLAND}{TAGS}", ENGLAND, ["tag_characters"]),
        ("a\U000e0101b", "ab", ["variation_selectors"]),
        ("a\ufe00\ufe01\ufe02\ufe0eb", "ab", ["smuggled_selectors"]),
        (
            "\u2764\ufe0f \U0001f469\u200d\U0001f680 \u0645\u200c\u06cc",
            "\u2764\ufe0f \U0001f469\u200d\U0001f680 \u0645\u200c\u06cc",
            [],
        ),
        ("cafe\u0301", "café", ["not_composed"]),
        ("\u200f\u05d0\u200e", "\u200f\u05d0\u200e", []),
    ],
)
def test_each_kind_of_change_is_made_and_told(text: str, kept: str, flags: list[str]) -> None:
    assert clean(text) == (kept, flags)


def test_nulls_stay_and_changes_name_their_rows() -> None:
    cleaned = normalise(pa.array([None, "a", "\u200bb", None, "\u200bc\x00"], pa.string()))
    assert cleaned.texts.to_pylist() == [None, "a", "b", None, "c"]
    assert cleaned.changes == {"hidden_characters": [2, 4], "control_characters": [4]}


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.none() | st.text(st.sampled_from(ODD + TAGS + ENGLAND) | st.characters(exclude_categories=["Cs"])),
        max_size=5,
    )
)
def test_cleaning_twice_changes_nothing_more(texts: list[str | None]) -> None:
    once = normalise(pa.array(texts, pa.string()))
    twice = normalise(once.texts)
    assert twice.texts == once.texts
    assert twice.changes == {}
    assert all(text is None or unicodedata.is_normalized("NFC", text) for text in once.texts.to_pylist())


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_row_without_flags_differs_in_line_ends_only(text: str) -> None:
    kept, flags = clean(text)
    assert flags or kept == text.replace("\r\n", "\n").replace("\r", "\n")
    assert set(flags) <= {*REMOVED, *TOLD, "not_composed", "stacked_marks", "stray_joiners"}


def test_honest_texts_of_many_scripts_lose_nothing_but_line_ends(shared_data: object) -> None:
    rows = pq.read_table(f"{shared_data}/unicode.parquet", filters=[("kind", "=", "benign")])
    cleaned = normalise(rows["text"].combine_chunks())
    assert not {"tag_characters", "smuggled_selectors"} & cleaned.changes.keys()


@pytest.mark.parametrize(
    ("marks", "left"), [("\u0315\u0316" * 40_000, MAX_DIACRITICS), ("\u0f73" * 80_000, MAX_MARKS)]
)
def test_stacks_of_marks_are_cut_and_told(marks: str, left: int) -> None:
    began = time.process_time()
    kept, flags = clean("a" + marks + "b")
    assert "stacked_marks" in flags
    assert len(kept) == left + 2
    assert clean(kept) == (kept, [])
    assert time.process_time() - began < 2
