from __future__ import annotations

import io
import mailbox
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.sources.mail import mail_row, mbox
from airflow_provider_claude.sources.mail.mbox import mails
from tests.sources.reading import Rows, defects, rows_of

FROM = b"From bob@shop.example Mon Nov  2 11:00:00 2026\n"


def mail(subject: str, body: str = "text\n", more: str = "") -> bytes:
    return f"From: b@x.example\nDate: Mon, 2 Nov 2026 11:00:00 +0100\nSubject: {subject}\n{more}\n{body}\n".encode()


def subjects(data: bytes, folder: Path) -> list[str | None]:
    (folder / "a.mbox").write_bytes(data)
    return [row["subject"] for row in rows_of(folder / "a.mbox")]


@pytest.mark.parametrize(
    "line",
    [
        "From MAILER-DAEMON Mon Nov  2 12:00:00 2026",
        "From - Mon Nov 02 12:00:00 2026",
        "From ???@??? Mon Nov 02 12:00:00 2026",
        "From 1737@xxx Mon Nov 02 12:00:00 +0000 2026",
        "From anna at shop.example  Mon Nov  2 10:00:00 2026",
        "From anna@shop.example Mon, 2 Nov 2026 10:00:00 +0100",
        "From anna@shop.example 2 Nov 26 10:00",
        "From anna@shop.example Mon Nov  2 12:00 2026 remote from host",
        "From  Mon Nov  2 12:00:00 2026",
        "From anna@shop.example 2026-11-02T10:00:00",
    ],
)
def test_lines_of_all_known_forms_begin_a_mail(line: str, tmp_path: Path) -> None:
    assert subjects(FROM + mail("one") + line.encode() + b"\n" + mail("two"), tmp_path) == ["one", "two"]


@pytest.mark.parametrize(
    "body",
    [
        "Hello,\n\nFrom now on: all is well.\n",
        "\nFrom Monday Nov 2 on we are closed\nAnna: really?\n",
        "\nFrom bob@shop.example Mon Nov  2 11:00:00 2026\n\nis how a mail begins.\n",
        "a line From bob@shop.example Mon Nov  2 11:00:00 2026\nX: y\n",
        "\nFrom 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: Dev <d@x.example>\n",
    ],
)
def test_lines_of_a_body_begin_none(body: str, tmp_path: Path) -> None:
    assert subjects(FROM + mail("one", body) + FROM + mail("two"), tmp_path) == ["one", "two"]


def test_patches_begin_mails_in_a_file_of_patches(tmp_path: Path) -> None:
    line = b"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"
    assert subjects(line + mail("[1/2]") + line + mail("[2/2]"), tmp_path) == ["[1/2]", "[2/2]"]


def test_a_line_without_a_date_begins_a_mail_where_a_delivery_wrote_the_header_below(tmp_path: Path) -> None:
    data = FROM + mail("one") + b"From bob@shop.example\nReturn-Path: <b@x.example>\n" + mail("two")
    assert subjects(data, tmp_path) == ["one", "two"]


def test_a_file_whose_dates_have_another_form_is_split_at_lines_with_a_header_below(tmp_path: Path) -> None:
    line = b"From bob lundi 2 novembre 2026 11h00\n"
    assert subjects(line + mail("one") + line + mail("two"), tmp_path) == ["one", "two"]


def test_what_may_begin_a_mail_and_was_not_taken_for_one_is_flagged(tmp_path: Path) -> None:
    inner = FROM + mail("two").rstrip()
    (tmp_path / "a.mbox").write_bytes(FROM + mail("one", inner.decode(), f"Content-Length: {len(inner)}\n"))
    (row,) = rows_of(tmp_path / "a.mbox")
    assert "mail_in_mail" in row["flags"]


@pytest.mark.parametrize("wrong", [0, 3, 10_000, 10**11])
def test_a_length_that_does_not_check_out_is_not_honoured(wrong: int, tmp_path: Path) -> None:
    data = FROM + mail("one", more=f"Content-Length: {wrong}\n") + FROM + mail("two")
    assert subjects(data, tmp_path) == ["one", "two"]


def test_a_mail_without_a_body_does_not_take_the_length_of_the_next(tmp_path: Path) -> None:
    bare = b"From: a@x.example\nSubject: one\n"
    data = FROM + bare + FROM + mail("two", "12345678\n", "Content-Length: 9\n") + FROM + mail("three")
    assert subjects(data, tmp_path) == ["one", "two", "three"]


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b"\n\n", b" \r\n" * 600, b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_leading_blanks_and_ends_of_lines_do_not_matter(lead: bytes, end: bytes) -> None:
    data = lead + (FROM + mail("one") + FROM + mail("two")).replace(b"\n", end)
    assert len(list(mails(io.BytesIO(data)))) == 2


@pytest.mark.parametrize("cut", [5, 50, 90])
def test_a_file_that_ends_within_its_last_mail_has_lost_an_unknown_number(cut: int, tmp_path: Path) -> None:
    body = "123456789\n" * 20
    data = b"".join(FROM + mail(name, body, f"Content-Length: {len(body)}\n") for name in ("one", "two"))
    for whole in (data, data.rstrip()):
        (tmp_path / "a.mbox").write_bytes(whole)
        assert defects(rows_of(tmp_path / "a.mbox")) == []
    (tmp_path / "a.mbox").write_bytes(data.rstrip()[:-cut])
    rows = rows_of(tmp_path / "a.mbox")
    assert [row["subject"] for row in rows] == ["one", "two", None]
    assert (defects(rows), rows[-1]["lost_rows"]) == ([("a.mbox#3", "unreadable_file")], None)


def test_lengths_that_are_never_right_say_nothing_of_the_end(tmp_path: Path) -> None:
    data = b"".join(FROM + mail(name, "x\n", "Content-Length: 900\n") for name in ("one", "two"))
    assert subjects(data, tmp_path) == ["one", "two"]


def test_what_stands_before_the_first_mail_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(b"\x00\x01 an index\n\n" + FROM + mail("one"))
    rows = rows_of(tmp_path / "a.mbox")
    assert defects(rows) == [("a.mbox#1", "unreadable_mail")]
    assert rows[1]["subject"] == "one"


def test_a_mail_that_is_too_large_costs_itself_and_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (mail_row, mbox):
        monkeypatch.setattr(module, "MAX_MAIL", 1_000_000)
    huge = FROM + mail("huge", "x" * 999 + "\n" + ("From \n" * 100 + "y" * 70 + "\n") * 30_000)
    (tmp_path / "a.mbox").write_bytes(FROM + mail("one") + huge + FROM + mail("two"))
    rows = rows_of(tmp_path / "a.mbox")
    assert defects(rows) == [("a.mbox#2", "oversize")]
    assert [rows[0]["subject"], rows[2]["subject"]] == ["one", "two"]


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
LINES = st.one_of(
    TEXT.filter(lambda line: not line.startswith(">")),
    st.sampled_from(
        [
            "From bob@shop.example Mon Nov  2 11:00:00 2026",
            "From here on: x",
            "From: x@y.example",
            "Subject: inner",
            "Content-Length: 7",
            "",
        ]
    ),
)
BODIES = st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).strip("\n"))
MAILS = st.lists(st.tuples(TEXT.map(str.strip), BODIES), min_size=1, max_size=6)


def written(letters: Sequence[tuple[str, str]], path: Path, end: str) -> None:
    """*letters* as the standard library's mailbox writes them."""
    box = mailbox.mbox(path)
    for number, (subject, body) in enumerate(letters):
        box.add(f"From: a@x.example\nMessage-ID: <{number}@x>\nSubject: {subject}\n\n{body}\n".encode())
    box.close()
    path.write_bytes(path.read_bytes().replace(b"\n", end.encode()))


def measured(letters: Sequence[tuple[str, str]], path: Path, end: str) -> None:
    """*letters* with `Content-Length`, and nothing quoted."""
    with path.open("wb") as stream:
        for number, (subject, body) in enumerate(letters):
            text = f"{body}\n".replace("\n", end).encode()
            head = f"From: a@x.example\nMessage-ID: <{number}@x>\nSubject: {subject}\nContent-Length: {len(text)}\n\n"
            stream.write((FROM.decode() + head).replace("\n", end).encode() + text + end.encode())


def shown(rows: Rows) -> list[tuple[str | None, str, str]]:
    return [
        (row["message_id"], row["subject"] or "", (row["body"] or "").replace("\r\n", "\n").strip()) for row in rows
    ]


@settings(max_examples=60, deadline=None)
@given(MAILS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([written, measured]))
def test_mails_written_as_an_mbox_read_back_as_those_mails(
    letters: list[tuple[str, str]], end: str, write: object
) -> None:
    with TemporaryDirectory() as folder:
        write(letters, Path(folder) / "a.mbox", end)  # type: ignore[operator]
        rows = rows_of(Path(folder) / "a.mbox")
    assert shown(rows) == [
        (f"<{number}@x>", " ".join(subject.split()), body.strip()) for number, (subject, body) in enumerate(letters)
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([FROM, b"From x\n", b"A: b\n", b"\n", b"\r\n", b"\r", b"Content-Length: 9\n"]), st.binary()
        )
    )
)
def test_every_byte_of_a_file_belongs_to_a_mail(pieces: list[bytes]) -> None:
    data = b"x" + b"".join(pieces)
    assert b"".join(mails(io.BytesIO(data))) == data


BOX = b"".join(
    b"From a@b.example Mon Nov 23 09:0%d:00 2026\nFrom: a@b.example\nSubject: %d\n\nbody %d\n\n" % (n, n, n)
    for n in range(4)
)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"Mon Nov 23 09:01", b"M\xffn Nov 23 09:01"),
        (b"Nov 23 09:01:00 2026", b"Nv 23 09:01:00 202"),
        (b"09:01:00 2026\nFrom:", b"09:01:00 2026\nFr\0m:"),
    ],
)
def test_a_fault_in_the_line_that_begins_a_mail_or_the_one_below_costs_no_mail(
    tmp_path: Path, right: bytes, wrong: bytes
) -> None:
    (tmp_path / "a.mbox").write_bytes(BOX.replace(right, wrong))
    bodies = [row["body"] for row in rows_of(tmp_path / "a.mbox")]
    assert (len(bodies), bodies[0], bodies[2:]) == (4, "body 0", ["body 2", "body 3"])


@pytest.mark.parametrize(("cut", "whole"), [(-6, 4), (-12, 3), (-46, 3), (-60, 3), (-75, 3)])
def test_a_mailbox_that_ends_inside_the_headers_of_a_mail_was_cut(tmp_path: Path, cut: int, whole: int) -> None:
    (tmp_path / "a.mbox").write_bytes(BOX[:cut])
    rows = rows_of(tmp_path / "a.mbox")
    assert [row["body"] for row in rows if not row["defect"]][:3] == ["body 0", "body 1", "body 2"]
    assert [row["lost_rows"] for row in rows] == [0] * whole + [None] * (whole < 4)
