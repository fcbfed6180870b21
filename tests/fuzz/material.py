"""What the fuzzers feed on: real mails, cut up and put together wrongly; markup, tables and lines that are nearly right."""

from __future__ import annotations

from functools import cache

import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.conftest import DATA

_SEED_MAILS = [
    b"From: a@b.c\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nHi",
    b"From: a@b.c\nContent-Type: text/html; charset=utf-7\nContent-Transfer-Encoding: base64\n\nPHA+SGk8L3A+\n",
    b'From x\nFrom: "a" <a@b.c>\nDate: Mon, 23 Nov 2026 09:00:00 +0100\nTo: undisclosed-recipients:;\n\n> quoted\n\nHi\n',
    b"From: a@b.c\nContent-Type: message/rfc822\n\nFrom: d@e.f\nContent-Disposition: attachment; filename*=utf-8''%e9\n\nx",
]

#: Pieces that readers of mail have tripped over.
MAIL_PIECES = [
    *(b"\n", b"\r\n", b"\n\n", b"\0", b"\xff", b" ", b"\t", b":", b";", b"=", b'"', b"--", b"--x\n", b"--x--\n"),
    *(b"=?utf-8?b?", b"=?x?q?=", b"?=", b"(", b"<", b"@", b",", b"From ", b"\nFrom x\n", b"\n>From x\n", b"[", b"::"),
    *(b"Content-Type: multipart/mixed; boundary=x\n", b"Content-Type: text/html\n", b"Content-Type: message/rfc822\n"),
    *(b"Content-Type: multipart/alternative; boundary=x\n", b"Content-Type: multipart/report; boundary=x\n"),
    *(b"Content-Type: multipart/related; start=<r>; boundary=x\n", b"Content-Type: message/delivery-status\n"),
    *(b"Content-Type: text/plain; format=flowed; delsp=yes\n", b"Content-Type: text/enriched\n", b"<param>", b"<<"),
    *(
        b"\x1b$B",
        b"\x1b(I",
        b"\x0e",
        b"\x0f",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xa4\xe9",
        b"\r",
        b"> ",
        b"-- \n",
        b"a \n",
    ),
    *(b"Content-Type: text/plain; charset=", b"utf-7", b"utf-16", b"idna", b"hz", b"iso-2022-jp", b"undefined"),
    *(
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: uuencode\n",
        b"begin 644 x\n",
        b"=\n",
        b"=3D",
    ),
    *(
        b"Content-Disposition: attachment; filename*0*=",
        b"filename*1=",
        b"''",
        b"%",
        b"Date: ",
        b"99999999999",
        b"-0000",
    ),
    *(b"From: ", b"To: ", b"Subject: ", b"Message-ID: <", b"x: y\n" * 40, b"(" * 300, b"<a@b," * 100, b"A" * 5_000),
]

CSS_PIECES = [
    *(
        "display:none",
        "color:#fff",
        "color:",
        "font:0/0 a",
        "opacity:.01",
        "{",
        "}",
        ";",
        ":",
        "!important",
        "/*",
        "*/",
    ),
    *(
        ".a",
        "#b",
        "p",
        "*",
        "td > p",
        ".a .a .a",
        "[x^=y]",
        ":not(",
        "::before",
        "@media print",
        "@media (max-width:1px)",
    ),
    *("\\", "\\64", "rgb(", "hsl(1,2%,3%)", "background:url(", "1e999em", "-9999px", "calc(", "inherit", ",", "<!--"),
]

HTML_PIECES = [
    *(
        "<p>",
        "</p>",
        "<b>",
        "<i>",
        "<table>",
        "<td>",
        "</table>",
        "<br>",
        "<pre>",
        "<a href=x>",
        "<div hidden>",
        "<!--",
    ),
    *(
        "-->",
        "<![CDATA[",
        "]]>",
        "<!--[if mso]>",
        "<![endif]-->",
        "<style>",
        "</style>",
        "<script>",
        "</script>",
        "<svg>",
    ),
    *(
        "<font color=white>",
        "<body bgcolor=black text=",
        "<p class=a id=b style='",
        "'",
        '"',
        "<",
        ">",
        "</",
        "&",
        "&#0;",
    ),
    *(
        "&#x110000;",
        "&nbsp;",
        "<template>",
        "<select>",
        "<math>",
        "<frameset>",
        "<plaintext>",
        "x",
        " ",
        "\n",
        "\0",
        "é",
    ),
]


@cache
def mails() -> list[bytes]:
    """Real mails of up to 20 kB, where there are any, and some of our own."""
    path = DATA / "emails.parquet"
    if not path.exists():
        return _SEED_MAILS
    raws = pq.read_table(path, columns=["raw"])["raw"].to_pylist()
    return _SEED_MAILS + [raw for raw in raws if len(raw) <= 20_000]


@cache
def texts() -> list[str]:
    """Texts with characters that are not what they look like, where there are any."""
    path = DATA / "unicode.parquet"
    return pq.read_table(path, columns=["text"])["text"].to_pylist() if path.exists() else ["e\u0301\u200b\U000e0041"]


@st.composite
def mutated(draw: st.DrawFn, wholes: list[bytes], pieces: list[bytes], changes: int = 8) -> bytes:
    """One of *wholes*, in which up to *changes* times something was put in, taken out, doubled or cut off."""
    data = draw(st.sampled_from(wholes))
    for _ in range(draw(st.integers(0, changes))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 200)))
        match draw(st.sampled_from(["insert", "delete", "repeat", "cut", "swap"])):
            case "insert":
                data = (
                    data[:start] + draw(st.sampled_from(pieces)) * draw(st.sampled_from([1, 1, 2, 30])) + data[start:]
                )
            case "delete":
                data = data[:start] + data[end:]
            case "repeat":
                data = data[:end] + data[start:end] * draw(st.integers(1, 20)) + data[end:]
            case "cut":
                data = data[:start]
            case _:
                data = data[:start] + draw(st.binary(max_size=8)) + data[end:]
    return data


def mail_bytes() -> st.SearchStrategy[bytes]:
    loose = st.lists(st.sampled_from(MAIL_PIECES) | st.binary(max_size=5), max_size=30).map(b"".join)
    return mutated(mails(), MAIL_PIECES) | loose


def html_texts() -> st.SearchStrategy[str]:
    pieces = st.sampled_from(HTML_PIECES) | st.sampled_from(CSS_PIECES) | st.text(max_size=3)
    joined = st.lists(pieces, max_size=40).map("".join)
    sheet = st.lists(st.sampled_from(CSS_PIECES), max_size=40).map("".join)
    return joined | st.builds("<style>{}</style><p class=a id=b style='{}'>x</p>".format, sheet, sheet)


def plain_texts() -> st.SearchStrategy[str]:
    odd = "".join(
        map(chr, [0x300, 0x344, 0x34F, 0xAD, 0x200B, 0x200D, 0x202E, 0x2066, 0xFE0F, 0xE0041, 0xE007F, 0x1F3F4])
    )
    some = st.characters(exclude_categories=["Cs"])
    loose = st.text(some | st.sampled_from(odd + "\r\n\t a"), max_size=60)
    return loose | st.builds("".join, st.lists(st.sampled_from(texts()) | loose, max_size=4))


REPLY_LINES = [
    *(
        "> x",
        ">> y",
        ">",
        "",
        " ",
        "-- ",
        "--",
        "- item",
        "Hello there",
        "On Monday, Ann wrote:",
        "On Mon",
        "wrote:",
    ),
    *("-----Original Message-----", "From: a@b.c", "Sent: today", "To: d", "Subject: e", "_" * 40, "Best regards,"),
    *("Sent from my iPhone", "Am 1. Mai schrieb Jan:", "\u2028", "\r", "x" * 300),
]


def reply_texts() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(REPLY_LINES) | st.text(max_size=8), max_size=25).map("\n".join)


def table_bytes(pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces) | st.binary(max_size=3), max_size=40).map(b"".join)


CSV_PIECES = [
    b"id,body",
    b"\n",
    b"\r\n",
    b"\r",
    b",",
    b'"',
    b'""',
    b"1",
    b"x",
    b";",
    b"\t",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe9",
]
JSONL_PIECES = [
    *(
        b"{",
        b"}",
        b'{"id":"1","body":"x"}',
        b"\n",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"null",
        b"1e999",
        b"-",
        b"NaN",
        b"\\ud800",
    ),
    *(
        b'"id"',
        b'"body"',
        b"\\u0000",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\0",
        b"\r",
        b" ",
        b"true",
        b"[" * 2_000,
        b'{"a":' * 1_000,
    ),
]
