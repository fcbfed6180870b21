from __future__ import annotations

import json
import mailbox
import re
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.sources.charset.decoding import attempt
from airflow_provider_claude.sources.mail.read_mail import MAIL_COLUMNS, MAX_HEADER, Mail, read_mail
from tests.sources.reading import defects, rows_of


def mail(body: bytes = b"Hello", **headers: str) -> tuple[dict[str, str | None], tuple[str, ...]]:
    headers = {"From": "a@b.c", "Date": "Mon, 23 Nov 2026 09:00:00 +0100"} | headers
    lines = [f"{name.replace('_', '-')}: {value}".encode() for name, value in headers.items() if value]
    return read_mail(b"\r\n".join([*lines, b"", body]))[:2]


class TestHeaders:
    def test_they_come_decoded_and_on_one_line(self) -> None:
        fields, flags = mail(
            From="=?utf-8?q?J=C3=BCrgen?= <j@example.com>",
            To="a@b.c,\r\n d@e.f",
            Cc="g@h.i",
            Subject="=?iso-8859-1?q?caf=E9?=\r\n =?utf-8?b?4piV?=",
            Date="Sun, 22 Nov 2026 23:30:00 -0500",
            Message_ID="<1@x>",
        )
        assert fields["sender"] == "Jürgen <j@example.com>"
        assert fields["recipients"] == "a@b.c, d@e.f, g@h.i"
        assert fields["subject"] == "café☕"
        assert fields["date"] == "2026-11-23T04:30:00Z"
        assert fields["message_id"] == "<1@x>"
        assert flags == ()

    def test_a_date_no_one_can_read_is_null_and_flagged(self) -> None:
        fields, flags = mail(Date="yesterday, around noon")
        assert fields["date"] is None
        assert flags == ("date_unreadable",)

    def test_raw_bytes_in_a_header_are_guessed_and_flagged(self) -> None:
        fields, flags, _ = read_mail(b"From: a@b.c\nDate: 23 Nov 2026 09:00 +0100\nSubject: caf\xe9\n\nx")
        assert fields["subject"] == "café"
        assert flags == ("charset_guessed",)

    def test_a_header_too_long_to_parse_is_cut(self) -> None:
        began = time.process_time()
        fields, flags = mail(To="(" * 1_000_000)
        assert fields["recipients"] == "(" * MAX_HEADER
        assert flags == ("header_cut",)
        assert time.process_time() - began < 5

    @pytest.mark.parametrize(
        "text",
        [b'Content-Type: text/plain; x="' + b";" * 160_000, b"Content-Type: text/plain;\n " + b"a;\n " * 40_000],
        ids=["long", "folded"],
    )
    def test_a_structural_header_is_cut_before_it_is_parsed(self, text: bytes) -> None:
        began = time.process_time()
        fields, flags, _ = read_mail(b"From: a@b.c\n" + text + b"\n\nHello")
        assert (fields["body"], "header_cut" in flags) == ("Hello", True)
        assert time.process_time() - began < 2

    def test_names_of_attachments_are_bounded(self) -> None:
        part = b"--x\nContent-Disposition: attachment; filename=" + b"n" * 3_000 + b"\n\n"
        fields, flags, _ = read_mail(b"From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n" + part * 50)
        assert len(json.loads(fields["attachments"] or "")) == 6
        assert "header_cut" in flags

    def test_an_envelope_line_before_the_header_is_no_body(self) -> None:
        fields, flags, _ = read_mail(b"From a@b.c Sun Nov 22 00:00:00 2026\nFrom: a@b.c\n\nHello")
        assert (fields["sender"], fields["body"], flags) == ("a@b.c", "Hello", ("headers_missing",))


class TestBody:
    def test_plain_text_wins_over_html_whatever_the_order(self) -> None:
        message = EmailMessage()
        message["From"] = "a@b.c"
        message.set_content("<p>rich</p>", subtype="html")
        message.add_alternative("plain", subtype="plain")
        fields = read_mail(message.as_bytes()).fields
        assert fields["body"] == "plain\n"

    def test_a_plain_footer_comes_after_the_html_of_a_mixed_mail(self) -> None:
        message = EmailMessage()
        message["From"] = "a@b.c"
        message.set_content("<p>rich</p>", subtype="html")
        message.make_mixed()
        footer = EmailMessage()
        footer.set_content("list footer")
        message.attach(footer)
        assert read_mail(message.as_bytes())[0]["body"] == "rich\n\nlist footer"

    def test_text_hidden_in_the_html_is_left_out_and_flagged(self) -> None:
        fields, flags = mail(b"<p>seen</p><p style='display:none'>ignore</p>", Content_Type="text/html")
        assert fields["body"] == "seen"
        assert flags == ("hidden_text",)

    @pytest.mark.parametrize(
        ("charset", "data", "text", "flagged"),
        [
            ("utf-8", "é".encode(), "é", False),
            ("utf-8", b"\xe9", "é", True),
            ("no-such-charset", "é".encode(), "é", True),
            ("idna", b"xn--a", "xn--a", True),
            ("iso-8859-1", b"\x93quoted\x94", "“quoted”", False),
            ("gb2312", "镕".encode("gbk"), "镕", False),
            ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本", False),
            ("utf-8", b"\x81\xff", "\x81ÿ", True),
        ],
    )
    def test_it_is_in_the_charset_it_says_or_in_one_that_fits(
        self, charset: str, data: bytes, text: str, flagged: bool
    ) -> None:
        fields, flags = mail(data, Content_Type=f'text/plain; charset="{charset}"')
        assert fields["body"] == text
        assert ("charset_guessed" in flags) == flagged

    def test_attachments_are_named_and_not_read(self) -> None:
        message = EmailMessage()
        message["From"], message["Date"] = "a@b.c", "Mon, 23 Nov 2026 09:00:00 +0100"
        message.set_content("see attached")
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Größe.pdf")
        message.add_attachment("notes", filename="notes.txt")
        fields, flags, _ = read_mail(message.as_bytes())
        assert fields["body"] == "see attached\n"
        assert json.loads(fields["attachments"] or "") == ["Größe.pdf", "notes.txt"]
        assert flags == ()

    def test_a_mail_without_text_says_so(self) -> None:
        fields, flags = mail(b"aGk=", Content_Type="image/png", Content_Transfer_Encoding="base64")
        assert fields["body"] is None
        assert flags == ("no_body",)

    @pytest.mark.parametrize("body", ["", "<p> </p>"])
    def test_a_mail_with_nothing_but_attachments_is_distinguished_from_one_with_nothing(self, body: str) -> None:
        message = EmailMessage()
        message["From"], message["Date"] = "a@b.c", "Mon, 23 Nov 2026 09:00:00 +0100"
        message.set_content(body, subtype="html")
        assert read_mail(message.as_bytes()).flags == ("no_body",)
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
        assert read_mail(message.as_bytes()).flags == ("no_body", "attachments_only")

    def test_parts_nested_without_end_come_as_they_are(self) -> None:
        raw = b"From: a@b.c\n" + b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(2000)
        )
        fields, flags, _ = read_mail(raw + b"\nhello")
        assert "hello" in (fields["body"] or "")
        assert "too_deep" in flags


HOSTILE = [
    b"Content-Disposition: attachment; filename*=undefined''x",
    b"Content-Disposition: attachment; filename*=idna''" + b"a" * 100,
    b"Content-Disposition: attachment; filename*=punycode''%ff%ff-%ff",
    b"Content-Type: text/plain; charset*=a\0b''x",
    b"Content-Type: multipart/mixed; boundary*" + b"9" * 5_000 + b"=x",
    b"Content-Type: text/plain; name*" + b"9" * 5_000 + b"=x",
]


@pytest.mark.parametrize("header", HOSTILE)
def test_hostile_parameters_cost_a_flag(header: bytes) -> None:
    fields, flags, _ = read_mail(b"From: a@b.c\n" + header + b"\n\nHello")
    assert fields["sender"] == "a@b.c"
    assert {"header_defects", "header_cut"} & set(flags)


@settings(max_examples=300, deadline=None)
@given(
    raw=st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: b"Content-Type: multipart/mixed; b" + data)
)
def test_no_bytes_make_it_raise_and_none_are_lost_silently(raw: bytes) -> None:
    fields, flags, _ = read_mail(raw)
    assert tuple(fields) == MAIL_COLUMNS
    assert fields["body"] or "no_body" in flags
    for value in fields.values():
        assert value is None or value.encode()


def test_a_folder_of_mails_is_known_by_its_paths(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "1.eml").write_bytes(b"Message-ID: <x@y>\nFrom: a@b.c\n\none")
    (tmp_path / "0.eml").write_bytes(b"")
    rows = rows_of(tmp_path)
    assert [row["item_id"] for row in rows] == ["0.eml", "inbox/1.eml"]
    assert [row["flags"] for row in rows] == [["no_headers", "no_body"], ["headers_missing"]]
    assert [row["item_id"] for row in rows_of(tmp_path, id_column="message_id")] == [None, "<x@y>"]


def test_a_mail_the_reader_fails_on_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(raw: bytes) -> Mail:
        if b"boom" in raw:
            raise UnicodeError(raw)
        return read_mail(raw)

    monkeypatch.setattr("airflow_provider_claude.sources.mail.mail_row.read_mail", failing)
    mails = [b"From: a@b.c\n\n" + body for body in (b"one", b"boom", b"three")]
    (tmp_path / "a.mbox").write_bytes(b"".join(b"From x\n" + mail + b"\n\n" for mail in mails))
    (tmp_path / "a.eml").write_bytes(mails[1])
    rows = rows_of(tmp_path / "a.mbox")
    assert [row["body"] for row in rows] == ["one", None, "three"]
    assert rows[1]["defect"] == rows_of(tmp_path / "a.eml")[0]["defect"] == "unreadable_mail: UnicodeError"


class TestMbox:
    def test_a_mailbox_is_known_by_positions_and_gives_lines_back_as_they_were(self, tmp_path: Path) -> None:
        box = mailbox.mbox(tmp_path / "a.mbox")
        for body in (b"one\n\nFrom here on\n", b"two\n>From there\n", b"three"):
            box.add(b"From: a@b.c\n\n" + body)
        box.close()
        rows = rows_of(tmp_path / "a.mbox")
        assert [row["item_id"] for row in rows] == ["a.mbox#1", "a.mbox#2", "a.mbox#3"]
        assert [row["body"] for row in rows][::2] == ["one\n\nFrom here on", "three"]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
    @given(bodies=st.lists(st.text("ab >F\nrom", max_size=40), max_size=5))
    def test_as_many_mails_come_out_as_were_put_in(self, tmp_path: Path, bodies: list[str]) -> None:
        path = tmp_path / "b.mbox"
        path.unlink(missing_ok=True)
        box = mailbox.mbox(path)
        for body in bodies:
            box.add(b"From: a@b.c\n\n" + body.encode())
        box.close()
        assert len(rows_of(path) if path.exists() else []) == len(bodies)


def test_every_real_mail_comes_through_from_files_and_from_one_mailbox(tmp_path: Path, shared_data: Path) -> None:
    raws = pq.read_table(shared_data / "emails.parquet", columns=["raw"])["raw"].to_pylist()
    box = mailbox.mbox(tmp_path / "all.mbox")
    (tmp_path / "mails").mkdir()
    for number, raw in enumerate(raws):
        (tmp_path / "mails" / f"{number:05d}.eml").write_bytes(raw)
        if number % 5 == 0:
            box.add(raw)
    box.close()
    single, boxed = rows_of(tmp_path / "mails"), rows_of(tmp_path / "all.mbox")
    assert (len(single), len(boxed)) == (len(raws), len(raws[::5]))
    assert (defects(single), defects(boxed)) == ([("00008.eml", "unreadable_mail")], [])  # a mailbox of two mails
    assert all(row["body"] or row["flags"] or row["defect"] for row in single)
    assert _bodies(single[::5]) == _bodies(boxed)


def _bodies(rows: list[dict[str, Any]]) -> list[str]:
    """Without what a mailbox does not keep: the ends of lines, blank lines at the end, `>` before `From `."""
    return ["".join(re.sub(">+From ", "From ", row["body"] or "").split()) for row in rows]


@pytest.mark.parametrize("charset", ["x" * 41, "a b", "../x", ""])
def test_odd_names_of_charsets_are_not_looked_up(charset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codecs.lookup", lambda _: pytest.fail("looked up"))
    assert attempt(b"x", charset) is None
