from __future__ import annotations

import re
import time
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.scan.normalise import (
    _COMPOSED,
    MAX_DIACRITICS,
    MAX_MARKS,
    REMOVED,
    REPORTED,
    is_plain,
    normalise,
)

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
        ("ab \u202dcd\u2066\u2069", "ab cd", ["bidi_controls"]),
        ("a\x00b\x1bc\x7f", "abc", ["control_characters"]),
        ("ignore\x0call\x0bof\x85the\u2028words\u2029above", "ignore\nall\nof\nthe\nwords\nabove", []),
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
        ("is\u200cAd\u200dmin", "isAdmin", ["split_words", "stray_joiners"]),
        ("a\u200db\u200cc\u200dd", "abcd", ["split_words", "stray_joiners"]),
        ("\u200c \u200c\u00a0\u200c\u00a0", " \u00a0\u00a0", ["stray_joiners"]),
        ("PDF\u200cها", "PDF\u200cها", []),
        ("श्री क\u094d\u200dष می\u200cخواهم", "श्री क\u094d\u200dष می\u200cخواهم", []),
        ("text" + "\u2062\u2064\u200b" * 9 + "text", "texttext", ["smuggled_bits"]),
        ("text" + "\u200c\u200d" * 9 + "text", "texttext", ["smuggled_bits"]),
        ("a" + "\u200b" * 40 + " b", "a b", ["hidden_characters"]),
        ("abc \u202edef\u202c", "abc def", ["reversed_order", "bidi_controls"]),
        ("a\u3164 b\u115f c", "a b c", ["hidden_characters"]),
        ("\u1100\u1160 \u115f\u1161", "\u1100\u1160 \u115f\u1161", []),
        ("Z\u0337\u0321\u0322\u0327\u0328\u0317", "Z\u0337\u0321\u0322\u0327", ["stacked_marks"]),
        ("cafe\u0301", "café", ["not_composed"]),
        ("\u200f\u05d0\u200e", "\u200f\u05d0\u200e", []),
    ],
)
def test_each_kind_of_change_is_made_and_reported(text: str, kept: str, flags: list[str]) -> None:
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
    assert flags or kept == re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    assert set(flags) <= {*REMOVED, *REPORTED, "not_composed", "stacked_marks", "stray_joiners"}


#: By category of the corpus, what its rows must show. The rest of its attacks are no matter of invisible characters.
REVEALED = {
    "smuggled/tag_characters": "tag_characters",
    "smuggled/variation_selectors": "smuggled_selectors",
    "smuggled/sneaky_bits": "smuggled_bits",
    "bidi/commenting-out": "bidi_controls",
    "bidi/commentingout": "bidi_controls",
    "bidi/early-return": "bidi_controls",
    "bidi/stretched-string": "bidi_controls",
    "bidi/stretchedstring": "bidi_controls",
    "Zalgo Text": "stacked_marks",
    "Terminal escape codes": "control_characters",
}


def by_category(shared_data: object) -> dict[str, list[set[str]]]:
    """The flags of each row of the corpus, by category; the honest rows are `benign`."""
    table = pq.read_table(f"{shared_data}/unicode.parquet")
    flags: list[set[str]] = [set() for _ in range(table.num_rows)]
    for flag, rows in normalise(table["text"].combine_chunks()).changes.items():
        for row in rows:
            flags[row].add(flag)
    found: dict[str, list[set[str]]] = {}
    for kind, category, raised in zip(table["kind"].to_pylist(), table["category"].to_pylist(), flags, strict=True):
        found.setdefault("benign" if kind == "benign" else category, []).append(raised)
    return found


def test_every_hidden_text_of_the_corpus_is_revealed(shared_data: object) -> None:
    found = by_category(shared_data)
    assert sum(len(rows) for category, rows in found.items() if category.startswith("smuggled/")) == 78
    for category, flag in REVEALED.items():
        assert all(flag in raised for raised in found[category]), category


def test_no_honest_row_of_the_corpus_is_flagged(shared_data: object) -> None:
    assert not any(by_category(shared_data)["benign"])


def test_a_plain_text_is_one_of_ascii_that_cleaning_leaves_as_it_is() -> None:
    texts = [chr(a) + chr(b) for a in range(128) for b in range(128)]
    same = pc.equal(pa.array(texts), normalise(pa.array(texts)).texts).to_pylist()
    assert [is_plain(text) for text in texts] == same
    assert not is_plain("ü")


def test_texts_passed_as_composed_are() -> None:
    letters = pa.array([chr(code) for code in range(0x20, 0x30000) if not 0xD800 <= code < 0xE000])
    passed = letters.filter(pc.match_substring_regex(letters, rf"\A{_COMPOSED}\z")).to_pylist()
    assert len(passed) > 20_000
    for letter in passed:
        assert not unicodedata.combining(letter)
        assert unicodedata.is_normalized("NFC", letter)
        # What may join a letter before it is not known for composed without looking.
        assert not any(unicodedata.normalize("NFC", before + letter) != before + letter for before in "aかقॐㄱ")


@pytest.mark.parametrize(("marks", "left"), [("\u0315\u0316" * 40_000, MAX_DIACRITICS), ("\u0f73" * 80_000, MAX_MARKS)])
def test_stacks_of_marks_are_cut_and_reported(marks: str, left: int) -> None:
    began = time.process_time()
    kept, flags = clean("a" + marks + "b")
    assert "stacked_marks" in flags
    assert len(kept) == left + 2
    assert clean(kept) == (kept, [])
    assert time.process_time() - began < 2
