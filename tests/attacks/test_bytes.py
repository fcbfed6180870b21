"""Files and texts that are small and would cost much: each is read within 2 GB and 10 s of CPU, and what cannot be is named.

What else is bounded, and shown elsewhere:
archives that hold far more than their size, or lie about it          tests/sources/files/test_archives.py
damaged files of all formats, at random                               tests/fuzz/test_fuzz.py
texts whose cost would grow with the square of their size             tests/fuzz/test_growth.py
"""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.attacks import acts
from tests.attacks.bounded import measured, within_bounds

_MEGABYTE = 1 << 20


def _said_once_for_many_rows(path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20), pa.array(["x" * 20_000_000]))
    table = pa.table({"id": [str(n) for n in range(20)], "body": texts})
    pq.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30, store_schema=False)


def _each_is_the_one_before_and_a_letter(path: Path) -> None:
    table = pa.table({"id": [str(n) for n in range(300)], "body": ["x" * 900_000 + str(n % 9) for n in range(300)]})
    encoding = {"body": "DELTA_BYTE_ARRAY", "id": "PLAIN"}
    pq.write_table(
        table, path, compression="zstd", use_dictionary=False, column_encoding=encoding, data_page_size=1 << 30
    )


@pytest.mark.parametrize(
    ("write", "rows"), [(_said_once_for_many_rows, 20), (_each_is_the_one_before_and_a_letter, 300)]
)
def test_a_parquet_file_that_refers_to_one_huge_value_from_many_rows_is_read_few_rows_at_a_time(
    write: object, rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    write(path)  # type: ignore[operator]
    assert path.stat().st_size < 10_000
    done = measured(acts.read, str(path))
    assert (done.value.rows, done.value.defects) == (rows, [])
    assert done.megabytes < 800


def test_a_large_parquet_page_of_ordinary_texts_is_read(tmp_path: Path) -> None:
    rows, size = 700, 200_000
    texts = pa.array([random.Random(n).randbytes(size // 2).hex() for n in range(rows)])
    pq.write_table(
        pa.table({"id": texts.dictionary_encode().indices.cast("string"), "body": texts}), tmp_path / "a.parquet"
    )
    done = measured(acts.read, str(tmp_path))
    assert (done.value.rows, done.value.defects) == (rows, [])
    assert done.megabytes < 800


def test_a_parquet_page_that_inflates_is_named_and_the_other_files_are_read(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["1"], "body": ["x" * (136 * _MEGABYTE)]}), tmp_path / "a.parquet", compression="zstd"
    )
    pq.write_table(pa.table({"id": ["2"], "body": ["good"]}), tmp_path / "b.parquet")
    done = measured(acts.read, str(tmp_path))
    assert done.value.rows == 1
    assert "a page of the column 'body' has 142,606,340 bytes" in done.value.defects[0]
    assert done.megabytes < 400


def test_a_parquet_file_with_far_more_rows_than_bytes_is_named(tmp_path: Path) -> None:
    nothing = pa.nulls(20_000_000, pa.int8())
    pq.write_table(pa.table({"id": nothing, "body": nothing}), tmp_path / "a.parquet", compression="zstd")
    found = within_bounds(acts.read, str(tmp_path))
    assert found.rows == 0
    assert "it says that it has 20,000,000 rows" in found.defects[0]


def _inflated(path: Path, start: bytes, piece: bytes, megabytes: int, end: bytes = b"\n") -> Path:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(start)
        for _ in range(megabytes):
            stream.write(piece * (_MEGABYTE // len(piece)))
        stream.write(end)
    return path


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("a.csv.zst", b"id,body\n1,", b"\n2,good\n"),
        ("a.csv.zst", b'id,body\n1,"', b'"\n2,good\n'),
        ("a.jsonl.zst", b'{"id":"1","body":"', b'"}\n{"id":"2","body":"good"}\n'),
        ("a.eml.zst", b"From: ", b"\n\nhi\n"),
        ("a.mbox.zst", b"From a@b.c Mon Nov 30 06:09:36 2026\nFrom: a@b.c\n\n", b"\n"),
    ],
    ids=["csv", "quoted-csv", "jsonl", "header", "mbox"],
)
def test_a_line_of_hundreds_of_megabytes_is_one_defect(name: str, start: bytes, end: bytes, tmp_path: Path) -> None:
    path = _inflated(tmp_path / name, start, b"x", 300, end)
    done = measured(acts.read, str(path))
    assert len(done.value.defects) == 1
    assert done.megabytes < 800


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"id,body" + b"".join(b",a%d" % n for n in range(100_000)) + b"\n1,x\n"),
        ("a.csv", b"id,body\n" + b'"' * 4_000_000),
        ("a.csv", b"id,body\n" + b'1,"\n' * 8_000),
        ("a.csv", b'id,body\n1,"' + b'a"b,' * 500_000),
        ("a.jsonl", b'{"id":"1","body":' + b"[" * 2_000_000 + b"\n"),
        ("a.jsonl", b'{"id":"1","body":' + b"9" * 5_000_000 + b"}\n"),
        ("a.jsonl", b'{"id":"1","body":1e' + b"9" * 5_000_000 + b"}\n"),
        ("a.jsonl", b'{"id":"1","body":"' + b"\\ud83d" * 1_000_000 + b'"}\n'),
        ("a.jsonl", b'{"id":"1"' + b"".join(b',"k%d":1' % n for n in range(30_000)) + b',"body":"x"}\n'),
        ("a.jsonl", b'{"id":"1","body":"x"}' + b" " * 10_000_000 + b"\n" * 200_000),
    ],
    ids=[
        "columns",
        "quotes",
        "open-quotes",
        "odd-quotes",
        "depth",
        "digits",
        "exponent",
        "surrogates",
        "keys",
        "blanks",
    ],
)
def test_a_table_of_a_hostile_shape_is_read_or_named(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    done = measured(
        acts.read,
        str(tmp_path),
    )
    assert done.value.rows + len(done.value.defects) >= 1


_PARTS = {
    "parameters": b"Content-Type: text/plain" + b"".join(b';\n name*%d="x"' % n for n in range(50_000)) + b"\n\nhi",
    "continued": b"Subject: x" + b"\n y" * 300_000 + b"\n\nhi",
    "words": b"Subject: " + b"=?utf-8?b?aGk=?=\n " * 100_000 + b"\n\nhi",
    "words of one charset and another": b"Subject: " + b"=?utf-8?q?=C3?= =?iso-2022-jp?b?GyRC?= " * 50_000 + b"\n\nhi",
    "addresses": b"To: " + b"a@b.c, " * 200_000 + b"\n\nhi",
    "groups": b"To: " + b"g:" * 200_000 + b"\n\nhi",
    "comments": b"To: " + b"(" * 300_000 + b"\n\nhi",
    "boundaries": b"Content-Type: multipart/mixed; boundary=" + b"b" * 500_000 + b"\n\n" + b"--b\n" * 500_000,
    "base64": b"Content-Transfer-Encoding: base64\n\n" + b"=" * 5_000_000,
    "uuencoded": b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n" + b"M" * 2_000_000,
    "quoted-printable": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 400_000,
    "escapes": b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + b"\x1b$B\x1b(B" * 500_000,
    "utf-7": b"Content-Type: text/plain; charset=utf-7\n\n" + b"+AAAA-" * 500_000,
    "hz": b"Content-Type: text/plain; charset=hz-gb-2312\n\n" + b"~{~}" * 500_000,
    "punycode": b"Content-Type: text/plain; charset=punycode\n\n" + b"a" * 100_000 + b"-" + b"9a" * 200_000,
    "idna": b"Content-Type: text/plain; charset=idna\n\n" + b"xn--a." * 200_000,
    "zip": b"Content-Type: text/plain; charset=zlib_codec\n\nhi",
    "flowed": b"Content-Type: text/plain; format=flowed\n\n" + b">" * 500_000 + b" \n" * 100_000,
    "signed": b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(b"\x30\x80" * 500_000),
    "tnef": b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(
        b"\x78\x9f\x3e\x22\x00\x00" + b"\x01\x03\x90\x06\x00\x04\x00\x00\x00\xff\xff\xff\xff\x00\x00" * 50_000
    ),
}


@pytest.mark.parametrize("what", _PARTS)
def test_a_mail_of_a_hostile_shape_is_read_within_bounds(what: str) -> None:
    assert isinstance(within_bounds(acts.text_of_mail, b"From: a@b.c\nMIME-Version: 1.0\n" + _PARTS[what]), str)


_PAGES = {
    "attributes of one tag": "<p " + " ".join(f"a{n}" for n in range(40_000)) + ">x",
    "attributes of all bodies": "".join(f"<body a{n}>" for n in range(40_000)),
    "depth": "<div>" * 200_000,
    "formatting": "<b><p>" * 150_000,
    "rules": "<style>"
    + "".join(f".c{n} .d{n}{{color:red}}" for n in range(20_000))
    + "</style>"
    + "<p class=c1>x" * 20_000,
    "a selector": "<style>" + "p>" * 400_000 + "p{display:none}</style>" + "<p>x" * 1_000,
    "sheets": "<style>p{display:none}</style>" * 30_000 + "<p>x",
    "escapes": "<style>" + "\\" * 900_000 + "</style>",
    "entities": "&CounterClockwiseContourIntegral;" * 30_000,
    "comments": "<!--" * 200_000,
    "tables": "<table><tr><td>" * 60_000,
    "cells": "<table>" + "<tr><td>x" * 90_000,
    "spans": "<td colspan=1000000 rowspan=1000000>" * 20_000,
}


@pytest.mark.parametrize("what", _PAGES)
def test_a_page_of_a_hostile_shape_is_read_within_bounds(what: str) -> None:
    assert isinstance(within_bounds(acts.flags_of_html, _PAGES[what]), tuple)


@pytest.mark.parametrize(
    "text",
    [
        "a@" * 100_000,
        "+1 (" * 30_000,
        "1 2 3 4 " * 20_000,
        "ignore " * 20_000,
        "A" * 400_000,
        "%69" * 100_000,
        "\u0300" * 200_000,
        "x\u200b" * 100_000,
        "\U000e0041" * 100_000,
        "eyJ" * 100_000,
        "-----BEGIN " * 40_000,
    ],
    ids=lambda text: ascii(text[:6]),
)
def test_a_text_of_a_hostile_shape_is_judged_within_bounds(text: str) -> None:
    assert within_bounds(acts.judged_by_all_layers, [text]) > 3
