"""A night of mail that nobody wrote: customers of a shop, in six languages, some of them up to no good.

The same seed gives the same mails, byte for byte, and mail *n* does not depend on how many there are. About one in a
hundred is hostile (it speaks to the model, hides text, or forges a delimiter), one in a hundred repeats an earlier
text, and one in two hundred is broken (truncated, in another charset than it says, or empty).
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import accumulate
from pathlib import Path
from random import Random

import pyarrow as pa

from airflow_provider_claude.demo.phrases import ATTACKS, CITIES, FORGED_ENDS, LANGUAGES, Phrases

#: How many of a thousand mails are of a kind; the rest is `ordinary`.
KINDS = {"hostile": 10, "duplicate": 10, "broken": 5}

#: How many of a hundred mails in a language are in a tone. A lexicon reads English only, and little as neutral.
_TONES_ENGLISH = {"positive": 55, "negative": 38, "neutral": 7}
_TONES = {"positive": 45, "negative": 30, "neutral": 25}

_FORMS = {"plain": 50, "alternative": 28, "html": 12, "attachment": 10}
#: How long a mail gets: at least, at most (give or take a paragraph), mostly.
_CHARACTERS = (200, 2_600, 600)
_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "sender", "received", "language", "subject", "body")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail before it is put into MIME. *tone* is what its writer felt; *kind* `ordinary` or one of KINDS.

    *hidden* is text that the mail's HTML shows to nobody; the body does not have it.
    """

    number: int
    kind: str
    language: str
    tone: str
    sender: str
    subject: str
    body: str
    hidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSummary:
    """How many mails there are, by what. Each of the counts adds up to *mails*."""

    mails: int
    by_kind: Mapping[str, int]
    by_language: Mapping[str, int]
    by_tone: Mapping[str, int]


def make_mail(number: int, seed: int) -> Mail:
    """Mail *number* (from 0) of the corpus *seed*."""
    random = Random(f"{seed}/{number}")
    kind = _drawn(random, {**KINDS, "ordinary": 1000 - sum(KINDS.values())})
    if kind == "duplicate" and number:
        return replace(_ordinary(random.randrange(number), seed), number=number, kind=kind)
    mail = _ordinary(number, seed)
    if kind == "hostile":
        return _poisoned(replace(mail, kind=kind), random)
    return replace(mail, kind=kind if kind == "broken" else "ordinary")


def write_corpus(folder: Path, n: int, seed: int, day: date) -> CorpusSummary:
    """Write *n* mails of *day* as `.eml` files into *folder*, a thousand a sub-folder."""
    kinds: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    tones: Counter[str] = Counter()
    for number in range(n):
        mail = make_mail(number, seed)
        path = folder / f"{number // 1000:04d}" / f"{number:07d}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mime(mail, seed, _received(number, n, day)))
        kinds[mail.kind] += 1
        languages[mail.language] += 1
        tones[mail.tone] += 1
    return CorpusSummary(mails=n, by_kind=kinds, by_language=languages, by_tone=tones)


def corpus_batches(n: int, seed: int, batch_rows: int = 1_000) -> Iterator[pa.RecordBatch]:
    """The same mails as text: `id, sender, received, language, subject, body`, *batch_rows* at a time."""
    day = date(2026, 1, 1)
    for start in range(0, n, batch_rows):
        mails = [make_mail(number, seed) for number in range(start, min(n, start + batch_rows))]
        columns = [
            [f"mail-{mail.number:07d}" for mail in mails],
            [mail.sender for mail in mails],
            [_received(mail.number, n, day).isoformat() for mail in mails],
            [mail.language for mail in mails],
            [mail.subject for mail in mails],
            [mail.body for mail in mails],
        ]
        yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=_SCHEMA)


def _drawn(random: Random, weights: Mapping[str, int]) -> str:
    return random.choices(list(weights), cum_weights=list(accumulate(weights.values())))[0]


def _received(number: int, n: int, day: date) -> datetime:
    """Mails come in evenly over *day*."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=86_400 * number // max(n, 1))


def _ordinary(number: int, seed: int) -> Mail:
    random = Random(f"{seed}:{number}")
    language = _drawn(random, {name: weight for name, (_, weight) in LANGUAGES.items()})
    phrases = LANGUAGES[language][0]
    tone = _drawn(random, _TONES_ENGLISH if language == "en" else _TONES)
    slots = {"order": f"{random.randrange(10**7):07d}", "product": random.choice(phrases.products)}
    writer = random.choice(phrases.names)
    return Mail(
        number=number,
        kind="ordinary",
        language=language,
        tone=tone,
        sender=f"{writer} <customer{random.randrange(10**6)}@example.com>",
        subject=random.choice(phrases.subjects[tone]).format(**slots),
        body=_body(phrases, tone, writer, slots, random),
    )


def _body(phrases: Phrases, tone: str, writer: str, slots: dict[str, str], random: Random) -> str:
    target = int(random.triangular(*_CHARACTERS))
    start = f"{random.choice(phrases.greetings)}\n\n{_filled(random.choice(phrases.openings), slots, random)}"
    end = f"\n\n{random.choice(phrases.requests)}\n\n{random.choice(phrases.closings)}\n{writer}\n"
    paragraphs, length = [start], len(start) + len(end)
    while length < target:
        paragraph = " ".join(
            _sentence(phrases, _mixed(tone, random), slots, random) for _ in range(random.randint(2, 4))
        )
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
    return "\n\n".join(paragraphs) + end


def _mixed(tone: str, random: Random) -> str:
    """Even a glad customer states facts."""
    return tone if random.random() < 0.6 else "neutral"


def _sentence(phrases: Phrases, tone: str, slots: dict[str, str], random: Random) -> str:
    return _filled(random.choice(phrases.says[tone]) + random.choice(phrases.adds[tone]), slots, random)


def _filled(sentence: str, slots: dict[str, str], random: Random) -> str:
    if "{" not in sentence:
        return sentence
    return sentence.format(
        **slots, days=random.randint(2, 30), amount=random.randint(9, 400), city=random.choice(CITIES)
    )


def _poisoned(mail: Mail, random: Random) -> Mail:
    attack = random.choice(ATTACKS)
    match random.randrange(4):
        case 0:
            return replace(mail, body=f"{mail.body}\n{attack}\n")
        case 1:
            return replace(mail, body=f"{mail.body}\n{random.choice(FORGED_ENDS)}{attack}\n")
        case 2:
            tags = "".join(chr(0xE0000 + ord(letter)) for letter in attack if letter.isascii())
            return replace(mail, body=mail.body + tags)
        case _:
            return replace(mail, hidden=attack)


def mime(mail: Mail, seed: int, received: datetime) -> bytes:
    """*mail* as it comes over the wire."""
    random = Random(f"{seed}|{mail.number}")
    form = "html" if mail.hidden else _drawn(random, _FORMS)
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = "Customer service <service@example.org>"
    message["Date"] = format_datetime(received)
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{seed}.{mail.number}@example.com>"
    _fill(message, mail, form, random)
    for depth, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{mail.number:07d}_{depth}")
    return _broken(message, random) if mail.kind == "broken" else message.as_bytes()


def _fill(message: EmailMessage, mail: Mail, form: str, random: Random) -> None:
    charset, encoding = _charset(mail, random)
    markup = _markup(mail)
    if form == "html":
        message.set_content(markup, subtype="html", charset="utf-8", cte="quoted-printable")
        return
    message.set_content(mail.body, charset=charset, cte=encoding)
    if form == "alternative":
        message.add_alternative(
            markup, subtype="html", charset="utf-8", cte=random.choice(("quoted-printable", "base64"))
        )
    elif form == "attachment":
        name = random.choice(("invoice.pdf", "photo.jpg", "Lieferschein Größe.pdf"))
        message.add_attachment(random.randbytes(600), maintype="application", subtype="octet-stream", filename=name)


def _charset(mail: Mail, random: Random) -> tuple[str, str]:
    """A charset that can hold the body, and an encoding that can carry it."""
    charset = random.choice(("utf-8", "utf-8", *LANGUAGES[mail.language][0].charsets))
    try:
        seven_bit = mail.body.encode(charset).isascii()
    except UnicodeEncodeError:
        return "utf-8", "base64"
    if seven_bit:
        return charset, "7bit"
    return charset, random.choice(("quoted-printable", "base64", "8bit"))


def _markup(mail: Mail) -> str:
    paragraphs = "".join(f"<p>{html.escape(text)}</p>\n" for text in mail.body.split("\n\n"))
    hidden = f'<div style="display:none">{html.escape(mail.hidden)}</div>\n' if mail.hidden else ""
    return f"<html><head><style>p {{ margin: 1em }}</style></head><body>\n{paragraphs}{hidden}</body></html>\n"


def _broken(message: EmailMessage, random: Random) -> bytes:
    """*message* cut short, in a charset it does not declare, or without its body."""
    data = message.as_bytes()
    head, _, _ = data.partition(b"\r\n\r\n")
    match random.randrange(3):
        case 0:
            return data[: len(head) + (len(data) - len(head)) // 2]
        case 1:
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-", b" "))]
            text = "Déçu, très déçu : le colis n'est jamais arrivé.".encode("latin-1")
            return b"\r\n".join([*lines, b"Content-Type: text/plain; charset=utf-8", b"", text, b""])
        case _:
            return head + b"\r\n\r\n"
