"""Mails as people report them, one a row: the right value and the value that is read.

The inputs of the first table lie in the shared data (`cases/README.md` there tells of each); those of the others are here.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path

import pytest

from airflow_provider_claude.sources.mail.body import FORWARDED
from airflow_provider_claude.sources.mail.read_mail import Mail, read_mail
from airflow_provider_claude.sources.mail.standin import is_blank, stands_in

BROKEN = "The lamp is broken."
JAPANESE = "お世話になっております。①ランプが壊れました。②返金してください。㈱テスト"
CYRILLIC = "Лампа сломана, верните деньги"

FORWARDED_MAIL = (
    f"FYI\n\n{FORWARDED}\nFrom: Bob <bob@other.example>\nDate: Sun, 1 Nov 2026 09:00:00 +0100\nSubject: inner\n\n"
    "My lamp burned, I am furious."
)

BODIES = [
    ("M02", "Dear team, the bill is below.\n\nYou charged me twice and nobody answers. I am furious."),
    ("M03", "Can we meet on Tuesday about the broken lamp?"),
    ("M04", "Your order has been shipped."),
    ("M05", "When will the lamp be back in stock?"),
    ("M06", "The lamp exploded and burned my table. I want a refund."),
    ("M08", "Thanks, the offer is fine."),
    ("M11", JAPANESE),
    ("M12", "ﾗﾝﾌﾟが壊れました。返金してください。"),
    ("M15", "ランプが壊れました。返金してください。至急お願いしま\ufffd"),
    ("M16", "灯坏了，请退款。谢谢\ufffd"),
    ("M17", "It’s “broken” – I paid €49 \x81 end"),
    ("M18", "โคมไฟเสีย กรุณาคืนเงิน"),
    ("M21", "The lamp arrived broken and I would like to know when I get my money."),
    ("M22", "see files"),
    ("M24", "Your message could not be delivered to nobody@firm.example."),
    ("M26", "Die Lampe ist schön und für 5 € gut"),
    ("M27", CYRILLIC),
    ("M28", CYRILLIC),
    ("M30", "First half: the lamp is fine.\n\nSecond half: but the shade is torn, send a new one."),
    ("M31/00", "schön nr 0"),
    ("M31/01", "schön nr 1"),
    ("M31/02", "schön nr 2"),
    ("M31/03", "壊れた nr 3"),
    ("M31/04", "schön nr 4"),
    ("M31/05", "고장 nr 5"),
    ("M31/06", "灯坏了 nr 6"),
    ("M31/07", "שלום nr 7"),
    ("M31/08", "“โคมไฟ” nr 8"),
    ("M31/09", "壊れた nr 9"),
    ("M31/10", "Лампа nr 10"),
    ("M31/11", "schön nr 11"),
    ("M31/12", "壊れた nr 12"),
    ("M31/13", "灯坏了 nr 13"),
    ("M31/14", "schön nr 14"),
    ("M31/15", "schön nr 15"),
    ("M31/16", "schön nr 16"),
    ("M31/17", "schön nr 17"),
    ("M31/18", "壞了 nr 18"),
    ("M31/19", "壞了 nr 19"),
    ("M31/20", "고장 똠 nr 20"),
    ("M31/21", "①壊れた nr 21"),
    ("M31/22", "壊れた① nr 22"),
    ("M60/bom", BROKEN),
    ("M60/blank", BROKEN),
    ("M60/lone_cr", BROKEN),
    ("M60/utf16", BROKEN),
    ("M61", None),
    ("M62", "Please see why my bill is wrong."),
    ("M63", "Long: we are sorry for the delay of your lamp."),
    (
        "M64",
        FORWARDED_MAIL,
    ),
    ("M67", "Die Lampe ist schön und 5 = 3+2, a=b, 100€ teuer"),
]

FIELDS = [
    ("M12", "subject", "ﾗﾝﾌﾟの件"),
    ("M13", "subject", "返金をお願いします、ランプが壊れました"),
    ("M22", "attachments", '["☃ Rechnung.pdf", "attached.bat", "Rechnung für.pdf"]'),
    ("M23", "sender", "Jörg <jörg@bücher.example>"),
    ("M60/bom", "subject", "bom"),
    ("M60/blank", "sender", "Anna <anna@shop.example>"),
    ("M60/lone_cr", "date", "2026-11-02T09:00:00Z"),
    ("M60/utf16", "subject", "u16"),
    *((f"M65/{number:02}", "date", "2026-11-02T09:00:00Z") for number in (0, 1, 4, 5, 6, 8)),
    ("M65/02", "date", "2026-11-02T01:00:00Z"),
    ("M65/03", "date", "2026-11-03T00:00:00Z"),
    ("M65/07", "date", None),
    ("M65/09", "date", None),
    ("M65/10", "date", "2026-11-02T10:00:00Z"),
    ("M65/11", "date", "2026-11-02T09:00:59Z"),
    ("M68/1", "subject", "Größe passt nicht"),
    ("M68/1", "sender", "Jörg Müller <j@x.example>"),
    ("M68/2", "subject", "RE:Größe_x"),
    ("M68/2", "sender", "Jörg <j@x.example>"),
    ("M68/3", "subject", "灯坏了镕"),
    ("M68/4", "subject", "โคมไฟ"),
    ("M68/5", "subject", "it’s € 5"),
    ("M68/6", "subject", "üü고장똠"),
    ("M68/7", "subject", "ünvollständig"),
    ("M68/8", "subject", "ランプが壊れまし\ufffd"),
]

FLAGGED = [
    ("M06", "placeholder_text"),
    ("M15", "undecodable_bytes"),
    ("M16", "undecodable_bytes"),
    ("M20", "encrypted"),
    ("M23", "header_cut"),
    ("M61", "attachments_only"),
    ("M64", "forwarded_message"),
    ("M65/07", "date_unreadable"),
    ("M65/09", "date_unreadable"),
    ("M68/8", "undecodable_bytes"),
]


def case(shared_data: Path, name: str) -> Mail:
    """The mail of a case: `M60/bom` is one of several."""
    folder, _, file = name.partition("/")
    return read_mail((shared_data / "cases" / folder / f"{file or 'm'}.eml").read_bytes())


@pytest.mark.parametrize(("name", "right"), BODIES, ids=[name for name, _ in BODIES])
def test_the_body_of_a_reported_mail_is_what_its_reader_sees(shared_data: Path, name: str, right: str | None) -> None:
    seen = case(shared_data, name).fields["body"]
    assert (seen and seen.strip("\r\n")) == right


@pytest.mark.parametrize(("name", "field", "right"), FIELDS, ids=[f"{name}-{field}" for name, field, _ in FIELDS])
def test_the_headers_of_a_reported_mail_are_read(shared_data: Path, name: str, field: str, right: str | None) -> None:
    assert case(shared_data, name).fields[field] == right


@pytest.mark.parametrize(("name", "flag"), FLAGGED, ids=[name for name, _ in FLAGGED])
def test_what_was_guessed_or_left_out_of_a_reported_mail_is_a_flag(shared_data: Path, name: str, flag: str) -> None:
    assert flag in case(shared_data, name).flags


def test_a_text_in_base64_is_read_with_the_footer_a_list_put_behind_it(shared_data: Path) -> None:
    body = case(shared_data, "M19").fields["body"] or ""
    assert body.startswith("Die Lampe ist schön, aber für mich zu groß. Bitte zurück\n____")
    assert body.endswith("https://list.example/mailman/listinfo/lamps")


def test_a_file_in_uuencode_stays_in_the_text_as_it_is(shared_data: Path) -> None:
    assert (case(shared_data, "M66").fields["body"] or "").startswith("see file\r\n\r\nbegin 644 x.txt")


# Structures: a part is its headers and its text; `(kind, [parts])` is a part of parts.

PLAIN, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
Part = tuple[str, "str | list[Part]"]


def built(part: Part, depth: int = 0) -> str:
    kind, content = part
    if isinstance(content, str):
        return f"Content-Type: {kind}\n\n{content}"
    inner = "".join(f"--b{depth}\n{built(child, depth + 1)}\n" for child in content)
    head, _, rest = kind.partition("\n")
    return f'Content-Type: {head}; boundary="b{depth}"\n{rest + chr(10) if rest else ""}\n{inner}--b{depth}--'


def read(part: Part) -> Mail:
    head = "From: a@b.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\n"
    return read_mail((head + built(part)).encode())


ATTACHED = "\nContent-Disposition: attachment"
INNER = "Content-Type: text/plain\n"
CARD, EVENT = ("text/vcard", "BEGIN:VCARD"), ("text/calendar", "BEGIN:VCALENDAR")
LONG = "<p>" + "The lamp is broken and I want my money back at once. " * 12 + "</p>"
SHOWN = LONG[3:-4].strip()

STRUCTURES: list[tuple[str, Part, str, list[str]]] = [
    (
        "text, picture, text",
        ("multipart/mixed", [(PLAIN, "one"), ("image/png", "x"), (PLAIN, "two")]),
        "one\n\ntwo",
        ["1 text/plain", "3 text/plain"],
    ),
    (
        "a banner, alternatives and a footer",
        (
            "multipart/mixed",
            [(PLAIN, "banner"), ("multipart/alternative", [(PLAIN, "text"), (HTML, "<p>text</p>")]), (PLAIN, "footer")],
        ),
        "banner\n\ntext\n\nfooter",
        ["1 text/plain", "2.1 text/plain", "3 text/plain"],
    ),
    (
        "HTML with its pictures among alternatives",
        (
            "multipart/alternative",
            [(PLAIN, "\u200b\u00a0"), ("multipart/related", [(HTML, "<p>rich</p>"), ("image/png", "x"), CARD])],
        ),
        "rich",
        ["2.1 text/html"],
    ),
    (
        "alternatives in alternatives",
        ("multipart/alternative", [("multipart/alternative", [(PLAIN, "text"), EVENT]), (HTML, "<p>text</p>"), EVENT]),
        "text",
        ["1.1 text/plain"],
    ),
    (
        "a table, a card and an event beside the text",
        ("multipart/mixed", [("text/csv", "a;b"), CARD, EVENT, (HTML, "<p>text</p>")]),
        "text",
        ["4 text/html"],
    ),
    ("nothing but an event", ("multipart/mixed", [EVENT, ("image/png", "x")]), "BEGIN:VCALENDAR", ["1 text/calendar"]),
    (
        "a text file without a disposition",
        ("multipart/mixed", [(PLAIN, "see the log"), ('text/plain; name="log.txt"', "log")]),
        "see the log",
        ["1 text/plain"],
    ),
    (
        "nothing but a text with a name",
        ("multipart/mixed", [("image/png", "x"), ('text/plain; name="note.txt"', "note")]),
        "note",
        ["2 text/plain"],
    ),
    (
        "a mail that is attached",
        ("multipart/mixed", [(PLAIN, "see below"), ("message/rfc822" + ATTACHED, f"From: b@c\n{INNER}\nother")]),
        "see below",
        ["1 text/plain"],
    ),
    (
        "a mail that is forwarded, with alternatives and a file",
        (
            "multipart/mixed",
            [
                (PLAIN, "FYI"),
                (
                    "message/rfc822",
                    "From: b@c.example\nSubject: =?iso-8859-1?q?gr=FCn?=\nMIME-Version: 1.0\n"
                    + built(("multipart/alternative", [(PLAIN, ""), (HTML, "<p>angry</p>")]), 7),
                ),
            ],
        ),
        f"FYI\n\n{FORWARDED}\nFrom: b@c.example\nSubject: grün\n\nangry",
        ["1 text/plain", "2 message/rfc822", "2.2 text/html"],
    ),
    (
        "nothing but a mail that is forwarded",
        ("message/rfc822", "From: b@c\n" + built(("multipart/mixed", [(PLAIN, "one"), (PLAIN, "two")]), 7)),
        f"{FORWARDED}\nFrom: b@c\n\none\n\ntwo",
        ["1 message/rfc822", "1.1 text/plain", "1.2 text/plain"],
    ),
    (
        "a mail that was encoded as a whole to be forwarded",
        ("message/rfc822\nContent-Transfer-Encoding: base64", "U3ViamVjdDogbGFtcAoKSXQgYnVybmVkLg==\n"),
        f"{FORWARDED}\nSubject: lamp\n\nIt burned.",
        ["1 message/rfc822", "1.1 text/plain"],
    ),
    (
        "a signed text with a footer",
        (
            "multipart/mixed",
            [("multipart/signed", [(PLAIN, "signed"), ("application/pgp-signature", "x")]), (PLAIN, "footer")],
        ),
        "signed\n\nfooter",
        ["1.1 text/plain", "2 text/plain"],
    ),
    (
        "markdown beside HTML",
        ("multipart/alternative", [("text/markdown", "**md**"), (HTML, "<p>md</p>")]),
        "md",
        ["2 text/html"],
    ),
    (
        "a forwarded mail with raw characters in its header",
        ("multipart/mixed", [(PLAIN, "FYI"), ("message/global", "Subject: größe\n\nwords")]),
        f"FYI\n\n{FORWARDED}\nSubject: größe\n\nwords",
        ["1 text/plain", "2 message/global", "2.1 text/plain"],
    ),
    (
        "texts around a picture, all of them related",
        ("multipart/related", [(HTML, "<p>one</p>"), ("image/png\nContent-ID: <p>", "x"), (HTML, "<p>two</p>")]),
        "one\n\ntwo",
        ["1 text/html", "3 text/html"],
    ),
    (
        "a text that another refers to",
        ("multipart/related", [(HTML, "<p>one</p>"), (HTML + "\nContent-ID: <frame>", "<p>frame</p>")]),
        "one",
        ["1 text/html"],
    ),
    (
        "a root that does not come first",
        ('multipart/related; start="<r>"', [(PLAIN, "aside"), (HTML + "\nContent-ID: <r>", "<p>root</p>")]),
        "root",
        ["2 text/html"],
    ),
    (
        "HTML twice among alternatives",
        ("multipart/alternative", [(HTML, "<p>old text</p>"), (HTML, "<p>new text</p>")]),
        "new text",
        ["2 text/html"],
    ),
    (
        "a footer that a list put among alternatives",
        (
            "multipart/alternative",
            [(PLAIN, "The lamp is broken, send another one"), (HTML, "<p>x</p>"), (PLAIN, "list")],
        ),
        "The lamp is broken, send another one",
        ["1 text/plain"],
    ),
    (
        "the same text twice, not called alternatives",
        ("multipart/mixed", [(PLAIN, "Hello, you!"), (HTML, "<p>Hello, <b>you</b>!</p>")]),
        "Hello, you!",
        ["2 text/html"],
    ),
    (
        "an empty alternative",
        ("multipart/mixed", [("multipart/alternative", [(PLAIN, ""), (HTML, "<p> </p>")]), (PLAIN, "text")]),
        "text",
        ["2 text/plain"],
    ),
    (
        "a report without a notice",
        (
            "multipart/report",
            [("message/delivery-status", "Action: failed\n"), ("message/rfc822", f"From: b@c\n{INNER}\nother")],
        ),
        "Action: failed",
        ["1 message/delivery-status"],
    ),
    (
        "formatted text of the old kind",
        ("text/enriched", "<bold>Broken</bold> <<lamp> <param>x</param>now"),
        "Broken <lamp> now",
        ["1 text/enriched"],
    ),
    (
        "a text that only begins what the HTML says",
        ("multipart/alternative", [(PLAIN, "The lamp is broken"), (HTML, LONG)]),
        SHOWN,
        ["2 text/html"],
    ),
]


@pytest.mark.parametrize(
    ("part", "right", "parts"), [row[1:] for row in STRUCTURES], ids=[row[0] for row in STRUCTURES]
)
def test_the_parts_that_are_seen_are_the_body(part: Part, right: str, parts: list[str]) -> None:
    fields = read(part).fields
    assert (fields["body"], json.loads(fields["body_parts"] or "")) == (right, parts)


def test_an_encrypted_mail_says_so() -> None:
    mail = read(
        ("multipart/encrypted", [("application/pgp-encrypted", "Version: 1"), ("application/octet-stream", "x")])
    )
    assert (mail.fields["body"], mail.flags) == (None, ("encrypted", "no_body"))


PLACEHOLDERS = [
    "This message is in HTML. Please use a mail client that can show HTML.",
    "Diese Nachricht kann von Ihrem E-Mail-Programm nicht dargestellt werden.",
    "Votre logiciel de messagerie ne peut pas afficher ce message.",
    "Su programa de correo no permite visualizar este mensaje.",
    "Il tuo programma di posta non visualizza messaggi in HTML.",
    "Twój program pocztowy nie wyświetla wiadomości HTML.",
    "Ваша почтовая программа не отображает письма в формате HTML.",
    "このメールはHTML形式です。HTML対応のメールソフトでご覧ください。",
    "您的邮件客户端不支持HTML格式，请用浏览器查看。",
    "To view this message, open https://shop.example/view?id=12345 please",
    "Kunt u deze e-mail niet goed lezen? Bekijk de online versie.",
    "이 메일은 HTML을 지원하는 프로그램에서 볼 수 있습니다.",
    "[image: logo]",
    "[logo.png]",
    "No plain text version available.",
    "โปรแกรมอีเมลของคุณไม่รองรับ HTML",
    "Nicht richtig angezeigt? Bitte hier klicken.",
    "[cid:image001.png@01DA]",
    "&nbsp;&zwnj;&#847; &nbsp;",
]


@pytest.mark.parametrize("plain", PLACEHOLDERS)
def test_a_text_that_sends_its_reader_to_another_program_is_not_the_text(plain: str) -> None:
    assert stands_in(plain, "The lamp exploded and burned my table. I want a refund, and an answer by tomorrow.")


@pytest.mark.parametrize(
    ("plain", "html"),
    [
        ("plain", "rich"),
        ("The lamp is broken.", "The lamp is broken."),
        ("My browser does not display your shop.", "My browser does not display your shop. Anna Muster, Lamps & Co"),
        ("Can we meet on Tuesday about the lamp?", "Logo"),
        ("Plain text.", "Some HTML text."),
        ("word " * 200, "something else " * 900),
    ],
)
def test_a_text_that_says_what_the_html_says_is_the_text(plain: str, html: str) -> None:
    assert not stands_in(plain, html)


def test_characters_without_a_shape_show_nothing() -> None:
    assert is_blank("\u200b\u2060 \u00a0\ufeff\u00ad\u3164\u2800\U000e0020\x07")
    assert not is_blank("\u200b.")


# Texts of single parts.


def text(body: bytes, **headers: str) -> Mail:
    lines = [
        f"{name.replace('_', '-')}: {value}"
        for name, value in {"From": "a@b.c", "Date": "2 Nov 2026 10:00 GMT"}.items()
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return read_mail("\n".join(lines).encode() + b"\n\n" + body)


@pytest.mark.parametrize(
    ("sent", "right"),
    [
        ("one \ntwo\nthree\n", "one two\nthree\n"),
        ("> a \n> b\n>\n>> c \n>d\nown", "> a b\n>\n>> c \n> d\nown"),
        (" From here\n  indented", "From here\n indented"),
        ("last \n-- \nAnna", "last \n-- \nAnna"),
    ],
)
def test_flowed_lines_are_put_together_as_their_writer_wrote_them(sent: str, right: str) -> None:
    assert text(sent.encode(), Content_Type="text/plain; format=flowed").fields["body"] == right


def test_base64_that_is_damaged_is_read_as_far_as_it_goes() -> None:
    line = b64encode(b"The lamp is broken and I want my money back, all of it").decode()
    kinds = {"Content_Transfer_Encoding": "base64", "Content_Type": "text/plain"}
    assert text(f"{line[:40]}\n!!!\n{line[40:]}\n".encode(), **kinds).fields["body"] == (
        "The lamp is broken and I want my money back, all of it"
    )
    assert text(b"no base64 at all, sorry", **kinds).fields["body"] == "no base64 at all, sorry"
    assert text(b"aGFsbG8=\naGFsbG8=\n-- \nlist", **kinds).fields["body"] == "hallohallo\n-- \nlist"


def test_raw_bytes_in_a_header_are_read_in_the_set_of_the_body() -> None:
    mail = text(b"x", Content_Type="text/plain; charset=koi8-r")
    assert mail.fields["subject"] is None
    raw = b"From: a@b.c\nDate: 2 Nov 2026 10:00 GMT\nContent-Type: text/plain; charset=koi8-r\nSubject: "
    mail = read_mail(raw + "Лампа".encode("koi8-r") + b"\n\nx")
    assert (mail.fields["subject"], mail.flags) == ("Лампа", ("charset_guessed",))
    mail = read_mail(raw + "Лампа".encode() + b"\n\nx")
    assert (mail.fields["subject"], mail.flags) == ("Лампа", ())


@pytest.mark.parametrize(
    ("subject", "right"),
    [
        (b"=?utf-8?B?R3LDt?= =?utf-8?B?sOfZQ==?=", "Größe"),
        (b"=?iso-8859-1?Q?gr=FC?= =?UTF-8?B?w59l?= x", "grüße x"),
        (b"=?iso-2022-jp?B?GyRCMnUbKEI=?=\n =?ISO-2022-JP?B?GyRCMnUbKEI=?=", "壊壊"),
        (b"=?utf-8*de?q?gr=C3=BC=C3=9Fe_dich?=", "grüße dich"),
        (b"=?utf-8?q?caf=E9?=", "café"),
        (b"\x1b$B2u\x1b(B", "壊"),
    ],
)
def test_words_of_a_header_are_read_as_bodies_are(subject: bytes, right: str) -> None:
    mail = read_mail(b"From: a@b.c\nDate: 2 Nov 2026 10:00 GMT\nSubject: " + subject + b"\n\nx")
    assert mail.fields["subject"] == right


def test_names_of_files_are_read_as_bodies_are() -> None:
    part = (
        "multipart/mixed",
        [(PLAIN, "x"), ("image/png\nContent-Disposition: attachment; filename*=windows-874''%E2%A4", "")],
    )
    assert read(part).fields["attachments"] == '["โค"]'


@pytest.mark.parametrize(
    ("date", "right", "flag"),
    [
        ("Mon, 2 Nov 2026 10:00:00", "2026-11-02T10:00:00Z", "date_zone_guessed"),
        ("Mon, 2 Nov 2026 10:00:00 XYZ", "2026-11-02T10:00:00Z", "date_zone_guessed"),
        ("Mon, 2 Nov 2026 10:00:00 (CET)", "2026-11-02T09:00:00Z", None),
        ("Mon Nov  2 10:00:00 CET 2026", "2026-11-02T09:00:00Z", None),
        ("2 Nov 26 8:00:34 PM +0000", "2026-11-02T20:00:34Z", None),
        ("2026-11-02 10:00:00 +0100", "2026-11-02T09:00:00Z", None),
        ("Mon, 02 Nov 126 10:00:00 +0000", "2026-11-02T10:00:00Z", None),
        ("Mon, 2 Nov 2026 25:00:00 +0000", None, "date_unreadable"),
        ("02.11.2026 10:00", None, "date_unreadable"),
        ("Mon, 2 Nov 3609 10:00:00 +0000", None, "date_unreadable"),
    ],
)
def test_a_date_is_the_right_instant_or_a_flag_says_so(date: str, right: str | None, flag: str | None) -> None:
    mail = read_mail(f"From: a@b.c\nDate: {date}\n\nx".encode())
    assert (mail.fields["date"], mail.flags) == (right, (flag,) if flag else ())


HEADERS = "From: a@b.c\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nSubject: lamp\r\n\r\nIt is größer.\r\nYes."


@pytest.mark.parametrize(
    "raw",
    [
        b"\n\xef\xbb\xbf \r\n\n" + HEADERS.encode(),
        b"\xef\xbb\xbfFrom a@b.c Mon Nov  2 10:00:00 2026\n" + HEADERS.encode(),
        ("\ufeff" + HEADERS).encode("utf-16-be"),
        HEADERS.encode("utf-16-le"),
        HEADERS.replace("\r\n", "\r").encode(),
        HEADERS.replace("\r\n", "\r\r\n").encode(),
        HEADERS.replace("\r\n", "\r", 4).encode(),
    ],
    ids=[
        "blank lines and a mark",
        "a mark and an envelope",
        "UTF-16",
        "UTF-16, no mark",
        "CR",
        "CR CR LF",
        "CR, then CR LF",
    ],
)
def test_what_other_programs_do_to_a_file_hides_no_header(raw: bytes) -> None:
    mail = read_mail(raw)
    assert (mail.fields["subject"], (mail.fields["body"] or "").split()) == ("lamp", ["It", "is", "größer.", "Yes."])


def test_thousands_of_small_alternatives_cost_little() -> None:
    part = b"--A\r\n\r\nsome plain\r\n--A\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"
    raw = b"From: a@b.example\r\nContent-Type: multipart/alternative; boundary=A\r\n\r\n" + part * 4_500
    began = time.process_time()
    assert (read_mail(raw).fields["body"] or "").strip() == "some plain"
    assert time.process_time() - began < 3
