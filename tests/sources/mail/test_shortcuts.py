"""What is read of plain mail by a shorter way is what the longer way reads.

The mails are real ones, cases and the demo's, and changes of them by chance: a cut, a byte, a line, a line end, a header.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from random import Random

import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.demo.corpus import make_mail, mime
from airflow_provider_claude.sources.html import quadratic_time
from airflow_provider_claude.sources.mail import headers
from airflow_provider_claude.sources.mail import mime as tree
from airflow_provider_claude.sources.mail.mbox import are_several, mails
from airflow_provider_claude.sources.mail.read_mail import read_mail
from tests.conftest import DATA

CHANGES = 600

#: Larger mails, in bytes, take long, and say nothing more.
LARGE = 60_000

BITS = (
    *(
        b"\r",
        b"\n",
        b"\0",
        b"\x80",
        b"\xc3",
        b";",
        b":",
        b"--",
        b'"',
        b"<",
        b">",
        b" ",
        b"\t",
        b"=",
        b"\n\n",
        b"\r\n \r\n",
    ),
    *(b"\nFrom me\n", b"boundary=", b"(", b")", b"\x1b$B", b"=?utf-8?q?=C3?=", b"-0000", b"+0530", b" 24:00:00", b"PM"),
)
NAMES = (b"From", b"To", b"Date", b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version")


def real_mails() -> Iterator[bytes]:
    if (DATA / "emails.parquet").exists():
        yield from pq.read_table(DATA / "emails.parquet", columns=["raw"]).column("raw").to_pylist()
    cases = (case for case in sorted(DATA.glob("cases/M*/**/*")) if case.is_file())
    yield from (case.read_bytes() for case in cases if case.stat().st_size < LARGE)


def demo_mails() -> Iterator[bytes]:
    sent = datetime(2026, 11, 23, 9, tzinfo=UTC)
    yield from (mime(make_mail(number, 7), 7, sent) for number in range(200))


@pytest.fixture(scope="module")
def raws() -> list[bytes]:
    whole = [raw for raw in (*real_mails(), *demo_mails()) if len(raw) < LARGE]
    return [*whole, *(changed(Random(seed), whole) for seed in range(CHANGES))]


def changed(chance: Random, whole: list[bytes]) -> bytes:
    raw = chance.choice(whole)[:20_000]
    for _ in range(chance.choice((1, 1, 2, 3))):
        raw = changed_once(raw, chance)
    return raw


def changed_once(raw: bytes, chance: Random) -> bytes:
    head = max(1, *(raw.find(blank) for blank in (b"\n\n", b"\r\n\r\n")))
    at = chance.randrange(head if chance.random() < 0.6 else len(raw) or 1)
    lines = raw.splitlines(keepends=True) or [b""]
    match chance.randrange(8):
        case 0 | 1:
            return raw[:at] + chance.choice(BITS) + raw[at:]
        case 2:
            return raw[:at] + raw[at + chance.randrange(1, 30) :]
        case 3:
            return raw[:at]
        case 4:
            return raw.replace(b"\r\n", b"\n").replace(b"\n", chance.choice((b"\n", b"\r\n", b"\r", b"\r\r\n")))
        case 5:
            name = chance.choice(NAMES)
            return re.sub(rb"(?im)^%b:" % name, name + chance.choice((b" :", b"", b":\n", b":\r\n ")), raw, count=1)
        case 6:
            return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        case _:
            lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
            return b"".join(lines)


def test_a_mail_is_what_the_standard_parser_and_the_long_way_for_dates_read(
    raws: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = [read_mail(raw) for raw in raws]
    monkeypatch.setattr(tree, "_BLANK_LINE", re.compile(rb"(?!)"))  # so that the parser gets all of the mail
    monkeypatch.setattr(tree._BoundedHeaders, "message_factory", Message)
    monkeypatch.setattr(headers, "_plain_instant", lambda value: None)
    for raw, read in zip(raws, short, strict=True):
        assert read_mail(raw) == read


def test_a_file_is_several_mails_where_it_has_a_second(raws: list[bytes]) -> None:
    begun = [raw for raw in raws if raw.lstrip().startswith(b"From ")]
    begun += [
        *(b"From a@b.c Mon Nov 23 09:00:00 2026\n" + raw for raw in raws[-200:]),
        b"From x\n\n" + b"".join(begun[:2]),
    ]
    for raw in begun:
        assert are_several(raw) == (len(list(mails(io.BytesIO(raw)))) > 1)


def test_a_date_is_read_alike_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(1)
    dates = [some_date(chance) for _ in range(3_000)]
    short = [headers.instant(date) for date in dates]
    assert sum(headers._plain_instant(date) is not None for date in dates) > 80
    monkeypatch.setattr(headers, "_plain_instant", lambda value: None)
    assert [headers.instant(date) for date in dates] == short


def some_date(chance: Random) -> str:
    day = f"{chance.choice(('Mon, ', 'Sun, ', '', 'Mon,', 'Monday, '))}{chance.choice(('1', '01', '31', '30', '29', '00', ' 7'))}"
    month = chance.choice(("Jan", "Feb", "Jun", "Dec", "dec", "Juni"))
    year = chance.choice(("1900", "1999", "2000", "2026", "2099", "2100", "26", "126"))
    clock = chance.choice(("00:00:00", "23:59:59", "12:30:05", "24:00:00", "23:59:60", "9:05:00", "09:05", "12:61:00"))
    zone = chance.choice(
        (" +0000", " -0000", " +0100", " -0730", " +1400", " +1500", " +0160", " GMT", "", " -0500 (EST)")
    )
    return f"{day} {month} {year} {clock}{zone}"


def test_html_is_too_tangled_where_its_tags_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in (("MAX_DEPTH", 6), ("MAX_ODD_CLOSINGS", 8), ("MAX_TANGLE", 60)):
        monkeypatch.setattr(quadratic_time, name, bound)
    chance = Random(2)
    tags = ("<b>", "</b>", "<p>", "</p>", "<div>", "</div>", "<br>", "<a href='</a>'>", "<!-- </b> -->", "x < y")
    pages = ["".join(chance.choices(tags, k=chance.randrange(1, 30))) for _ in range(2_000)]
    found = [quadratic_time.is_beyond_bounds(page) for page in pages]
    doubtful = [quadratic_time._closings_aside(page) + (quadratic_time._closings_in_tags(page) or 0) for page in pages]
    slow = [odd > 8 or quadratic_time._is_tangled(page, odd) for page, odd in zip(pages, doubtful, strict=True)]
    assert found == slow
    assert 200 < sum(found) < 1_800
