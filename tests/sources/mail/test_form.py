from __future__ import annotations

from email.message import EmailMessage

import pytest

from airflow_provider_claude.sources.mail.read_mail import read_mail

USUAL = {"From": "a@b.c", "To": "d@e.f", "Date": "Mon, 23 Nov 2026 09:00:00 +0100", "Subject": "Hi"}


def flags(body: str = "Hello", **headers: str) -> tuple[str, ...]:
    given = USUAL | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = "\n".join(f"{name}: {value}" for name, value in given.items()) + f"\n\n{body}"
    return read_mail(raw.encode()).flags


MULTIPART = "multipart/mixed; boundary=x"
TWO_PARTS = "--x\n\none\n--x\nContent-Type: {}\nContent-Transfer-Encoding: {}\n\n{}\n--x--\n"


def test_a_mail_as_programs_write_it_has_no_flag() -> None:
    message = EmailMessage()
    for name, value in USUAL.items():
        message[name] = value
    message["Reply-To"] = '"Li, Jørn <>" <l@e.f>, undisclosed recipients: ;'
    message["X-MS-Has-Attach"] = ""
    message.set_content("naïve = 100 %\n" + "word " * 300, cte="quoted-printable")
    message.add_alternative("<p>naïve</p>", subtype="html", cte="base64")
    message.add_attachment(b"\0" * 1000, maintype="application", subtype="pdf", filename="Größe.pdf")
    assert read_mail(message.as_bytes()).flags == ()


@pytest.mark.parametrize("value", ["d@e.f,\n \t\n g@h.i", "d@e.f\n "])
def test_a_header_folded_over_nothing_is_reported(value: str) -> None:
    assert flags(To=value) == ("header_defects",)


@pytest.mark.parametrize("value", [", d@e.f", "d@e.f,, g@h.i", "d@e.f,", '"Ann" <>'])
@pytest.mark.parametrize("name", ["To", "Reply_To"])
def test_an_address_that_is_none_is_reported(name: str, value: str) -> None:
    assert flags(**{name: value}) == ("header_defects",)


def test_a_charset_that_no_one_knows_is_reported() -> None:
    assert flags(Subject="=?NONE?B?VEVTVA==?=") == ("header_defects",)
    assert flags(Subject="=?utf-8*en?B?VEVTVA==?=") == ()


@pytest.mark.parametrize("name", ["From", "Date"])
def test_a_mail_without_sender_or_date_is_reported(name: str) -> None:
    raw = "\n".join(f"{other}: {value}" for other, value in USUAL.items() if other != name) + "\n\nHello"
    assert read_mail(raw.encode()).flags == ("headers_missing",)


def test_a_bare_mime_version_is_not_missed_where_there_is_one_part() -> None:
    assert flags(Content_Type="text/plain") == ()
    body = TWO_PARTS.format("text/plain", "7bit", "two")
    assert flags(body, Content_Type=MULTIPART) == ("mime_defects",)
    assert flags(body, Content_Type=MULTIPART, MIME_Version="1.0") == ()


@pytest.mark.parametrize(
    ("encoding", "payload"),
    [
        ("quoted-printable", "50 % =off"),
        ("quoted-printable", "naïve"),
        ("base64", "PGh0*bWw+Cg=="),
        ("base64", "PGh0bWw+C"),
        ("base46", "x"),
    ],
)
def test_an_attachment_in_another_encoding_than_it_says_is_reported(encoding: str, payload: str) -> None:
    body = TWO_PARTS.format("application/pdf", encoding, payload)
    assert flags(body, Content_Type=MULTIPART, MIME_Version="1.0") == ("mime_defects",)


class TestBounces:
    def test_one_in_plain_text_is_reported(self) -> None:
        assert flags(From="Mail Delivery <MAILER-DAEMON@e.f>") == ("bare_bounce",)
        assert flags(From="postmaster@e.f", Return_Path="<>") == ("bare_bounce",)

    def test_one_in_the_form_of_reports_is_a_mail_like_others(self) -> None:
        report = {"Content_Type": "multipart/report; boundary=x", "MIME_Version": "1.0"}
        assert flags(TWO_PARTS.format("text/plain", "7bit", "two"), From="MAILER-DAEMON@e.f", **report) == ()

    def test_a_postmaster_may_write_and_a_holiday_may_answer(self) -> None:
        assert flags(From="postmaster@e.f") == ()
        assert flags(Return_Path="<>") == ()
