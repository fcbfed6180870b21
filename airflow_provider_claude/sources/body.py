"""The parts of a mail that its reader sees as its text, in their order.

    multipart/alternative   plain text or HTML, nothing else (calendars, AMP, tables, cards do not compete); the plain text,
                            unless it is blank or only stands in for the HTML
    multipart/related       its root
    multipart/signed        what is signed
    multipart/report        the notice, not the report for machines and not the mail that came back
    other parts of parts    all of them, one after another
    message/rfc822          a forwarded mail: its sender, date and subject as a reader shows them, and its text

A part that is called an attachment is not text, nor is one with a file name that does not come first (RFC 8621, 4.1.4).
Where nothing else has text, parts with a file name are, then text that is no prose (calendars, tables, cards).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from airflow_provider_claude.sources.headers import instant, readable, unfolded
from airflow_provider_claude.sources.mime import children
from airflow_provider_claude.sources.parts import ENRICHED, HTML, PartText, text_of_part

#: So many parts are put together: more are no mail that a person reads.
MAX_PIECES = 200

#: Above a forwarded mail, as mail programs write it.
FORWARDED = "---------- Forwarded message ----------"

_PLAIN = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
_SEEN_HTML = frozenset({"text/html", "application/xhtml+xml"})
_MAILS = frozenset({"message/rfc822", "message/global"})

#: A text of more words does not only stand in for the HTML.
_STAND_IN_WORDS = 60

_INVISIBLE = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff]+"
)

#: What a text that stands in for the HTML speaks of.
_OF_PROGRAMS = re.compile(
    r"\bhtml\b|html[-\s]?(?:mail|format|version|e-?mail|形式|メール|格式)|browser|navegador|navigateur|navegator|prohlížeč|"
    r"przeglądar|webbläsar|nettleser|selaimes|tarayıcı|браузер|переглядач|ブラウザ|浏览器|瀏覽器|브라우저|"
    r"e?-?mail[-\s]?(?:client|prog|reader|viewer|app)|client de messagerie|cliente de correo|mailprog|почтов|"
    r"メールソフト|メーラー|邮件客户端|郵件軟體|메일 프로그램|\bmime\b|multi-?part|rich[-\s]text|plain[-\s]text|text[-\s]only|"
    r"nur[-\s]text|texte brut|texto (?:plano|simples)|testo semplice",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?:https?://|www\.)\S+|\[\d+\]", re.IGNORECASE)
_NO_LETTER = re.compile(r"[\W_]+")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass
class Piece:
    """One part of the body: its number in the mail (RFC 9051, 6.4.5) and its type."""

    part: Message[Any, Any]
    number: str

    @cached_property
    def kind(self) -> str:
        return self.part.get_content_type()

    @cached_property
    def shown(self) -> PartText:
        return _forwarded_header(self.part) if self.kind in _MAILS else text_of_part(self.part)

    @property
    def is_blank(self) -> bool:
        return is_blank(self.shown.text)


class Body(NamedTuple):
    """The text of a mail ("" where there is none), the parts it is made of (`1.2 text/html`), flags, what is hidden in it."""

    text: str
    parts: tuple[str, ...]
    flags: tuple[str, ...]
    hidden: str


def body_of(message: Message[Any, Any]) -> Body:
    """What the reader of *message* sees. Raises RecursionError."""
    for accepts in (_is_prose, _is_named_prose, _is_text):
        choice = _Choice(accepts)
        pieces = list(_without_copies([piece for piece in choice.pieces(message, "") if not piece.is_blank]))
        if any(piece.kind not in _MAILS for piece in pieces):
            break
    return _joined(pieces, choice.flags)


def is_blank(text: str) -> bool:
    """Whether *text* shows nothing: blanks, controls and characters without a shape."""
    return not _INVISIBLE.sub("", text)


def stands_in(plain: str, html: str) -> bool:
    """Whether the text *plain* only stands in for the text *html*: it is short, and it is not what the HTML says, or only
    a beginning of it. ("Please use a program that shows HTML", in any language.)
    """
    words = _LINK.sub(" ", plain[:20_000])
    told, seen = _letters(words), _letters(html)
    if not told or len(words.split()) > _STAND_IN_WORDS or len(told) > 10 * _STAND_IN_WORDS:
        return not told and bool(seen)
    if len(seen) > 4 * len(told) + 300:
        return True
    more = len(seen) > 2 * len(told) + 100 or (len(seen) * 2 > len(told) and _OF_PROGRAMS.search(plain) is not None)
    return more and _share(told, seen) < 0.3


def _share(told: str, seen: str) -> float:
    """How much of *told* is in *seen*, by pieces of a few letters."""
    size = min(len(told), 6 if _IDEOGRAPHS.search(told) else 12)
    pieces = [told[at : at + size] for at in range(0, len(told) - size + 1, size)]
    return sum(piece in seen for piece in pieces) / len(pieces)


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text.casefold())


def _is_prose(part: Message[Any, Any], kind: str, *, first: bool) -> bool:
    return _is_named_prose(part, kind, first=first) and (first or not _is_named(part))


def _is_named_prose(part: Message[Any, Any], kind: str, *, first: bool) -> bool:  # noqa: ARG001 - see _is_prose
    return kind in _PLAIN or kind in _SEEN_HTML or kind in ENRICHED or part.get_content_maintype() == "multipart"


def _is_text(part: Message[Any, Any], kind: str, *, first: bool) -> bool:
    return _is_named_prose(part, kind, first=first) or part.get_content_maintype() == "text"


def _is_named(part: Message[Any, Any]) -> bool:
    try:
        return bool(part.get_filename())
    except Exception:  # noqa: BLE001 - it decodes what the header says, in the character set it says
        return True


@dataclass
class _Choice:
    """One way through the parts of a mail: *accepts* says which single parts are text."""

    accepts: Callable[..., bool]

    def __post_init__(self) -> None:
        self.flags: dict[str, None] = {}

    def pieces(self, part: Message[Any, Any], number: str, *, first: bool = True) -> list[Piece]:
        """The parts of *part*, the *number*th of the mail, that are its text."""
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment":
            return []
        if kind in _MAILS and part.is_multipart():
            return self.forwarded(part, number or "1")
        if not part.is_multipart():
            return [Piece(part, number or "1")] if self.accepts(part, kind, first=first) else []
        if kind == "message/partial":
            return self.pieces(children(part)[0], number or "1")
        if part.get_content_maintype() == "message":
            return []
        return self.of_many(part, number)

    def of_many(self, part: Message[Any, Any], number: str) -> list[Piece]:
        groups = (
            self.pieces(child, f"{number}.{place}".lstrip("."), first=place == 1)
            for place, child in enumerate(children(part), 1)
        )
        match part.get_content_subtype():
            case "alternative":
                return self.best(list(groups))
            case "related":
                return self.root(part, list(groups))
            case "signed" | "report":
                return next(filter(None, groups), [])
            case "encrypted":
                self.flags["encrypted"] = None
                return []
            case _:
                return list(chain.from_iterable(groups))[:MAX_PIECES]

    def forwarded(self, part: Message[Any, Any], number: str) -> list[Piece]:
        inner = children(part)[0]
        return [Piece(part, number), *self.pieces(inner, number if inner.is_multipart() else f"{number}.1")]

    def root(self, part: Message[Any, Any], groups: list[list[Piece]]) -> list[Piece]:
        try:
            start = str(part.get_param("start", "")).strip("<> ")
        except Exception:  # noqa: BLE001 - see _is_named
            start = ""
        ids = [str(child.get("Content-ID", "")).strip("<> \r\n\t") for child in children(part)]
        root = groups[ids.index(start)] if start and start in ids else []
        return root or next(filter(None, groups), [])

    def best(self, groups: list[list[Piece]]) -> list[Piece]:
        """Of alternatives the plain text, unless it is blank or stands in for the HTML; else the HTML."""
        prose = [group for group in groups if any(piece.kind not in _MAILS for piece in group)]
        rich = [group for group in prose if any(piece.kind in HTML for piece in group)]
        plain = _fullest([group for group in prose if group not in rich])
        if plain is not None and (not rich or len(_shown(plain).split()) > 2 * _STAND_IN_WORDS):
            return plain
        html = _fullest(rich)
        if plain is None or html is None:
            return plain or html or []
        if stands_in(_shown(plain), _shown(html)):
            self.flags["placeholder_text"] = None
            return html
        return plain


def _fullest(groups: list[list[Piece]]) -> list[Piece] | None:
    """The last of *groups* that is not blank, as the best comes last (RFC 2046, 5.1.4); one over twice as long before it where
    there is one, as a mailing list's footer may come last too.
    """
    best: list[Piece] | None = None
    for group in groups:
        if not is_blank(_shown(group)) and (best is None or len(_shown(group)) * 2 >= len(_shown(best))):
            best = group
    return best


def _shown(group: list[Piece]) -> str:
    return "\n".join(piece.shown.text for piece in group)


def _without_copies(pieces: list[Piece]) -> Iterator[Piece]:
    """*pieces* without plain text that the HTML beside it says again: some programs do not call them alternatives."""
    for place, piece in enumerate(pieces):
        beside = (pieces[other] for other in (place - 1, place + 1) if 0 <= other < len(pieces))
        rich = [other for other in beside if other.kind in HTML]
        if piece.kind not in _PLAIN or not any(
            _letters(piece.shown.text) == _letters(html.shown.text) for html in rich
        ):
            yield piece


def _joined(pieces: list[Piece], flags: dict[str, None]) -> Body:
    for piece in pieces:
        flags |= dict.fromkeys(piece.shown.flags)
        if piece.kind in _MAILS:
            flags["forwarded_message"] = None
    texts = [piece.shown.text for piece in pieces]
    text = texts[0] if len(texts) == 1 else "\n\n".join(text.strip("\r\n") for text in texts)
    if "-----BEGIN PGP MESSAGE-----" in text:
        flags["encrypted"] = None
    hidden = "\n".join(filter(None, (piece.shown.hidden for piece in pieces)))
    return Body(text, tuple(f"{piece.number} {piece.kind}" for piece in pieces), tuple(flags), hidden)


def _forwarded_header(part: Message[Any, Any]) -> PartText:
    inner = children(part)[0]
    lines = [FORWARDED]
    flags: dict[str, None] = {}
    for name in ("From", "Date", "Subject"):
        value, found = unfolded(str(inner.get(name, ""))[:1_000])
        flags |= dict.fromkeys(found)
        if name != "Date" or instant(value)[0] is None:
            value, found = readable(name.lower(), value)
            flags |= dict.fromkeys(found)
        if value.strip():
            lines.append(f"{name}: {' '.join(value.split())}")
    return PartText("\n".join(lines), tuple(flags))
