"""A night of made-up mail: customers of a shop, in six languages, some of them up to no good.

The same seed gives the same mails, byte for byte, and mail *n* does not depend on how many there are. About one in a
hundred is hostile (it speaks to the model, hides text, or forges a delimiter), one in a hundred repeats an earlier
text, and one in two hundred is broken (truncated, in another charset than it says, or empty).
"""

from __future__ import annotations

import html
from base64 import encodebytes
from binascii import b2a_qp
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, formataddr
from pathlib import Path
from random import Random

import pyarrow as pa

from airflow_provider_claude.demo.phrases import ATTACKS, CITIES, FORGED_ENDS, LANGUAGES

#: How many of a thousand mails are of a kind; the rest is `ordinary`.
KINDS = {"hostile": 10, "duplicate": 10, "broken": 5}

#: How many of a hundred mails in a language are in a tone. A lexicon reads English only, and little as neutral.
_TONES_ENGLISH = {"positive": 55, "negative": 38, "neutral": 7}
_TONES = {"positive": 45, "negative": 30, "neutral": 25}

_FORMS = {"plain": 50, "alternative": 28, "html": 12, "attachment": 10}
#: By language and tone, all sentences that can be said.
_SENTENCES = {
    language: {
        tone: tuple(say + add for say in phrases.says[tone] for add in phrases.adds[tone]) for tone in phrases.says
    }
    for language, (phrases, _) in LANGUAGES.items()
}
_WRITERS = {language: weight for language, (_, weight) in LANGUAGES.items()}
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"quoted-printable": b2a_qp, "base64": encodebytes}
_MULTIPART = {"alternative": "alternative", "attachment": "mixed"}
_WIRE = compat32.clone(linesep="\r\n")

#: How long a mail gets: at least, at most (give or take a paragraph), mostly.
_CHARACTERS = (200, 2_600, 600)
_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "sender", "received", "language", "subject", "body")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail before it is put into MIME. *tone* is what its writer felt; *kind* `ordinary` or one of KINDS.

    *hidden* is text that the mail's HTML does not show; the body does not have it.
    """

    number: int
    kind: str
    language: str
    tone: str
    sender: tuple[str, str]
    subject: str
    body: str
    hidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSummary:
    """How many mails there are, by property. Each of the counts adds up to *mails*."""

    mails: int
    by_kind: Mapping[str, int]
    by_language: Mapping[str, int]
    by_tone: Mapping[str, int]


def make_mail(number: int, seed: int) -> Mail:
    """Mail *number* (from 0) of the corpus *seed*."""
    random = _random(seed, number, 0)
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
            ["{} <{}>".format(*mail.sender) for mail in mails],
            [_received(mail.number, n, day).isoformat() for mail in mails],
            [mail.language for mail in mails],
            [mail.subject for mail in mails],
            [mail.body for mail in mails],
        ]
        yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=_SCHEMA)


def _random(seed: int, number: int, purpose: int) -> Random:
    """Chance of its own for each mail and purpose."""
    return Random((seed << 64) + (number << 8) + purpose)


def _drawn(random: Random, weights: Mapping[str, int]) -> str:
    left = random.random() * sum(weights.values())
    for name, weight in weights.items():  # noqa: B007 - the last one takes what rounding leaves
        left -= weight
        if left < 0:
            break
    return name


def _received(number: int, n: int, day: date) -> datetime:
    """Mails come in evenly over *day*."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=86_400 * number // max(n, 1))


def _ordinary(number: int, seed: int) -> Mail:
    random = _random(seed, number, 1)
    language = _drawn(random, _WRITERS)
    phrases = LANGUAGES[language][0]
    tone = _drawn(random, _TONES_ENGLISH if language == "en" else _TONES)
    slots = {"order": f"{random.randrange(10**7):07d}", "product": random.choice(phrases.products)}
    writer = random.choice(phrases.names)
    return Mail(
        number=number,
        kind="ordinary",
        language=language,
        tone=tone,
        sender=(writer, f"customer{random.randrange(10**6)}@example.com"),
        subject=random.choice(phrases.subjects[tone]).format(**slots),
        body=_body(language, tone, writer, slots, random),
    )


def _body(language: str, tone: str, writer: str, slots: dict[str, str], random: Random) -> str:
    phrases = LANGUAGES[language][0]
    target = int(random.triangular(*_CHARACTERS))
    start = f"{random.choice(phrases.greetings)}\n\n{_filled(random.choice(phrases.openings), slots, random)}"
    end = f"\n\n{random.choice(phrases.requests)}\n\n{random.choice(phrases.closings)}\n{writer}\n"
    says = _SENTENCES[language][tone], _SENTENCES[language]["neutral"]
    paragraphs, length = [start], len(start) + len(end)
    while length < target:
        paragraph = _filled(" ".join([_sentence(says, random) for _ in range(random.randint(2, 4))]), slots, random)
        paragraphs.append(paragraph)
        length += len(paragraph) + 2
    return "\n\n".join(paragraphs) + end


def _sentence(says: tuple[tuple[str, ...], tuple[str, ...]], random: Random) -> str:
    """One in the tone of the mail, or a fact: even a glad customer states some."""
    choices = says[random.random() >= 0.6]
    return choices[int(random.random() * len(choices))]


def _filled(text: str, slots: dict[str, str], random: Random) -> str:
    return text.format(**slots, days=random.randint(2, 30), amount=random.randint(9, 400), city=random.choice(CITIES))


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
    random = _random(seed, mail.number, 2)
    message = _content(mail, "html" if mail.hidden else _drawn(random, _FORMS), random)
    message["From"] = formataddr(mail.sender)
    message["To"] = "Customer service <service@example.org>"
    message["Date"] = format_datetime(received)
    message["Subject"] = mail.subject if mail.subject.isascii() else Header(mail.subject, "utf-8").encode()
    message["Message-ID"] = f"<{seed}.{mail.number}@example.com>"
    message["MIME-Version"] = "1.0"
    data = message.as_bytes(policy=_WIRE)
    return _broken(data, random) if mail.kind == "broken" else data


def _content(mail: Mail, form: str, random: Random) -> Message[str, str]:
    markup = _part("text/html", _markup(mail).encode(), "utf-8", random.choice(("quoted-printable", "base64")))
    if form == "html":
        return markup
    charset, encoding = _charset(mail, random)
    plain = _part("text/plain", mail.body.encode(charset), charset, encoding)
    if form == "plain":
        return plain
    message: Message[str, str] = Message()
    message["Content-Type"] = f'multipart/{_MULTIPART[form]}; boundary="=_{mail.number:07d}"'
    message.attach(plain)
    message.attach(markup if form == "alternative" else _attachment(random))
    return message


def _part(kind: str, data: bytes, charset: str | None, encoding: str) -> Message[str, str]:
    encode = _ENCODERS.get(encoding, bytes)
    part: Message[str, str] = Message()
    part["Content-Type"] = f'{kind}; charset="{charset}"' if charset else kind
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(encode(data).decode("ascii", "surrogateescape"))
    return part


def _attachment(random: Random) -> Message[str, str]:
    part = _part("application/octet-stream", random.randbytes(600), None, "base64")
    name = random.choice(("invoice.pdf", "photo.jpg", "Lieferschein Größe.pdf"))
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    return part


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


def _broken(data: bytes, random: Random) -> bytes:
    """The mail *data* cut short, in a charset it does not declare, or without its body."""
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
