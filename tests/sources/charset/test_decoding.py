"""Character sets: names, what a text is read as, damage, and guesses."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.sources.charset.decoding import beyond_ascii, decode, guess, lookup

GUESSED, LOSS = ("charset_guessed",), ("undecodable_bytes",)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf8", "utf-8"),
        ("UTF-8;", "utf-8"),
        ("utf8mb4", "utf-8"),
        ("cp65001", "utf-8"),
        ("iso-8859-1", "windows-1252"),
        ("iso-8859-1http-equivcontent-language", "windows-1252"),
        ("win-1251", "windows-1251"),
        ("tis-620", "windows-874"),
        ("cp-850", "cp850"),
        ("ms932", "shift_jis"),
        ("gb2312", "gbk"),
        ("x-x-big5", "big5"),
        ("ks_c_5601-1987", "euc-kr"),
        ("_iso-2022-jp$ESC", "iso-2022-jp"),
        ("cp50220", "iso-2022-jp"),
        ("hz-gb-2312", "hz"),
        ("unicode-1-1-utf-7", "utf_7"),
        ("x-mac-roman", "macintosh"),
        ("koi8u", "koi8-u"),
        ("latin10", "iso-8859-16"),
        ("latin-1", "windows-1252"),
        ("latin-9", "iso-8859-15"),
        ("iso 8859 2", "iso-8859-2"),
        ("koi8-t", "koi8_t"),
        ("cp737", "cp737"),
        ("x-mac-croatian", "mac_croatian"),
    ],
)
def test_a_label_is_known_by_the_standard_by_python_or_by_habit(label: str, name: str) -> None:
    assert lookup(label) == name


@pytest.mark.parametrize(
    "label",
    [
        "",
        "none",
        "DEFAULT_CHARSET",
        "unknown-8bit",
        "x-user-defined",
        "base64",
        "idna",
        "cp037",
        "iso-8859-12",
        "latin-12",
        "charmap",
    ],
)
def test_what_names_no_character_set_of_texts_is_no_name(label: str) -> None:
    assert lookup(label) is None


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b'\x1b$B-!-"-j\x1b(B', "iso-2022-jp", "①②㈱"),
        (b"\x1b(IW]L_\x1b(B", "iso-2022-jp", "ﾗﾝﾌﾟ"),
        (b"\x1b$B2u\x1b(B \x0eW]L_\x0f!", "iso-2022-jp", "壊 ﾗﾝﾌﾟ!"),
        ("壊".encode("iso-2022-jp") + "壊".encode("iso-2022-jp"), "iso-2022-jp", "壊壊"),
        (b"\x87@\xfcK", "shift_jis", "①黑"),
        (b"\xad\xa1\x8e\xb1", "euc-jp", "①ｱ"),
        (b"\x80\xe9F", "gb2312", "€镕"),
        (b"\xc3a\xa4F\x88b", "big5", "壞了Ê̄"),
        (b"\x8cc", "euc-kr", "똠"),
        (b"It\x92s \x81", "iso-8859-1", "It’s \x81"),
        ("โคมไฟ".encode("cp874"), "tis-620", "โคมไฟ"),
        (b"f+APw-r 5 +IKw", "utf-7", "für 5 €"),
        ("hé".encode("utf-16"), "utf-16", "hé"),
        ("hé".encode("utf-16-be"), "utf-16", "hé"),
    ],
)
def test_a_set_is_read_with_the_characters_that_programs_add_to_it(data: bytes, label: str, text: str) -> None:
    assert decode(data, label) == (text, ())


@pytest.mark.parametrize(
    ("text", "label"),
    [("schön", "iso-8859-1"), ("é", "windows-1251"), ("It’s", "gb2312"), ("แพง", "tis-620"), ("hi", "utf-16")],
)
def test_utf8_wins_over_a_set_that_merely_fits(text: str, label: str) -> None:
    assert decode(text.encode(), label).text == text


@pytest.mark.parametrize(
    ("text", "label"),
    [("แพง", "tis-620"), ("测试", "gbk"), ("ﾈｺ", "shift_jis"), ("자기", "euc-kr"), ("É«", "iso-8859-1")],
)
def test_a_word_that_is_valid_utf8_by_accident_is_read_as_declared(text: str, label: str) -> None:
    data = text.encode({"tis-620": "cp874"}.get(label, label))
    assert decode(data, label) == (text, ()) or text == "É«"


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("größer ".encode() + b"\xff schoen", None, "größer \ufffd schoen"),
        ("至急".encode()[:-1], "utf-8", "至\ufffd"),
        ("灯坏了".encode("gbk") + b"\xff!", "gb2312", "灯坏了\ufffd!"),
        ("壊れた".encode("shift_jis") + b"\xff!", "shift_jis", "壊れた\ufffd!"),
        ("hallo".encode("utf-16-le") + b"x", "utf-16le", "hallo\ufffd"),
        (b"\xef\xbb\xbfa\xe9", None, "a\ufffd"),
    ],
)
def test_one_damaged_byte_costs_one_character_and_a_flag(data: bytes, label: str | None, text: str) -> None:
    assert decode(data, label) == (text, LOSS)


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Die schöne Lampe", "windows-1252"),
        ("Лампа", "windows-1251"),
        ("Größe paßt nicht für dich, schöne Grüße", "macintosh"),
        ("Лампа сломана, верните деньги", "windows-1251"),
        ("Лампа сломана, верните деньги", "koi8-r"),
        ("Lampa jest zepsuta, proszę o zwrot, żółć gęślą jaźń", "windows-1250"),
        ("ランプが壊れました。返金してください。", "shift_jis"),
        ("灯坏了，请退款。谢谢你们", "gb18030"),
        ("램프가 고장났습니다. 환불해 주세요", "euc-kr"),
    ],
)
def test_a_set_that_is_not_declared_is_guessed_and_named(text: str, charset: str) -> None:
    data = text.encode({"macintosh": "mac-roman"}.get(charset, charset))
    assert (guess(data), decode(data)) == (charset, (text, GUESSED))


@pytest.mark.parametrize(
    ("written", "declared"), [("shift_jis", "iso-2022-jp"), ("euc-jp", "shift_jis"), ("iso2022_jp_3", "iso-2022-jp")]
)
def test_a_japanese_set_that_is_taken_for_another_is_read(written: str, declared: str) -> None:
    text = "ランプが①壊れました。" if written.startswith("iso") else "ランプが壊れました。"
    assert decode(text.encode(written), declared) == (text, GUESSED)


def test_a_false_ascii_or_no_name_is_no_name_and_a_mark_is_one() -> None:
    assert decode(b"sch\xf6n", "us-ascii") == ("schön", GUESSED)
    assert decode("schön".encode(), "DEFAULT_CHARSET") == ("schön", GUESSED)
    assert decode("壊れた".encode("iso-2022-jp"), "us-ascii") == ("壊れた", ())
    assert decode("\ufeffschön".encode(), "iso-8859-1") == ("schön", ())
    assert decode("\ufeffschön".encode("utf-16-be")) == ("schön", ())
    assert decode("яюшка".encode("cp1251"), "windows-1251") == ("яюшка", ())


LABELS = st.sampled_from(
    ["utf-8", "gbk", "iso-2022-jp", "utf-7", "hz", "utf-16", "utf-32", "big5", "tis-620", "iso2022_kr", "?"]
)


@given(st.binary(max_size=60), LABELS | st.none() | st.text(max_size=10))
def test_no_bytes_and_no_label_raise_or_leave_half_characters(data: bytes, label: str | None) -> None:
    decode(data, label).text.encode()


def test_a_megabyte_of_hostile_bytes_costs_less_than_two_seconds() -> None:
    texts = [os.urandom(1 << 20), b"\x1b$B" * (1 << 18), b"+/" * (1 << 19), b"\xff" * (1 << 20), b"~{" * (1 << 19)]
    for text in texts:
        for label in ("utf-8", "utf-7", "iso-2022-jp", "hz", "iso-2022-kr", None):
            began = time.process_time()
            decode(text, label)
            assert time.process_time() - began < 2


def test_of_sets_that_read_a_text_alike_the_guess_is_the_most_usual() -> None:
    assert (
        guess("\n".join(f"Größe {n} passt; prima, ich bin sehr zufrieden" for n in range(9)).encode("cp1252"))
        == "windows-1252"
    )


def test_letters_beyond_ascii_are_counted_without_what_stands_for_lost_ones() -> None:
    assert beyond_ascii("aé\ufffd中😀\x80") == 4
    assert beyond_ascii("plain") == 0
