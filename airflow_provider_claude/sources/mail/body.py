"""The parts of a mail that its reader sees as its text, in their order.

    multipart/alternative   plain text or HTML, nothing else (calendars, AMP, tables, cards do not compete); the plain text,
                            unless it is blank or only stands in for the HTML
    multipart/related       its root, and text that has no name to refer to it by
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

from airflow_provider_claude.sources.html.visible_text import MAX_HTML
from airflow_provider_claude.sources.mail.headers import instant, readable, unfolded
from airflow_provider_claude.sources.mail.mime import children, parse
from airflow_provider_claude.sources.mail.parts import ENRICHED, HTML, PartText, payload, text_of_part
from airflow_provider_claude.sources.mail.standin import STAND_IN_WORDS, is_blank, letters, stands_in

#: At most this many parts are joined: mail for people has fewer.
MAX_PIECES = 200

#: Above a forwarded mail, as mail programs write it.
FORWARDED = "---------- Forwarded message ----------"

_PLAIN = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
_COMPETING = HTML | {"text/plain"}
_SEEN_HTML = frozenset({"text/html", "application/xhtml+xml"})
_STATUS = "message/delivery-status"
_MAILS = frozenset({"message/rfc822", "message/global"})

_MARKUP = re.compile(r"\s{0,99}<(?:!doctype|html|head|meta|body|div|table|p|span|font)\b", re.IGNORECASE)


#: A part of HTML costs as much as so many characters at least: thousands of small ones take long, too.
_LEAST_HTML = 2_000


@dataclass
class Budget:
    """HTML that is parsed for one mail, in characters: more takes too long."""

    left: int = MAX_HTML

    def for_html(self, part: Message[Any, Any]) -> int:
        room, self.left = self.left, self.left - max(len(part.get_payload()), _LEAST_HTML)
        return room


@dataclass
class Piece:
    """One part of the body: its number in the mail (RFC 9051, 6.4.5) and its type."""

    part: Message[Any, Any]
    number: str
    budget: Budget

    @cached_property
    def kind(self) -> str:
        return self.part.get_content_type()

    @cached_property
    def shown(self) -> PartText:
        if self.kind in _MAILS:
            return _forwarded_header(self.part)
        if self.kind == _STATUS:
            return _status(self.part)
        return text_of_part(self.part, self.budget.for_html(self.part) if self.kind in HTML else 0)

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
    budget = Budget()
    for accepts in (_is_prose, _is_named_prose, _is_text):
        choice = _Choice(accepts, budget)
        pieces = list(_without_copies([piece for piece in choice.pieces(message, "") if not piece.is_blank]))
        if any(piece.kind not in _MAILS for piece in pieces):
            break
    return _joined(pieces, choice.flags)


def _is_prose(part: Message[Any, Any], kind: str, *, first: bool) -> bool:
    return _is_named_prose(part, kind, first=first) and (first or not _is_named(part))


def _is_named_prose(part: Message[Any, Any], kind: str, *, first: bool) -> bool:  # noqa: ARG001 - see _is_prose
    return kind in _PLAIN or kind in _SEEN_HTML or kind in ENRICHED or part.get_content_maintype() == "multipart"


def _is_text(part: Message[Any, Any], kind: str, *, first: bool) -> bool:
    return _is_named_prose(part, kind, first=first) or part.get_content_maintype() == "text"


def _is_named(part: Message[Any, Any]) -> bool:
    try:
        return bool(part.get_filename())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it decodes what the header says, in the character set it says
        return True


@dataclass
class _Choice:
    """One way through the parts of a mail: *accepts* says which single parts are text."""

    accepts: Callable[..., bool]
    budget: Budget

    def __post_init__(self) -> None:
        self.flags: dict[str, None] = {}

    def pieces(self, part: Message[Any, Any], number: str, *, first: bool = True) -> list[Piece]:
        """The parts of *part*, the *number*th of the mail, that are its text."""
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment":
            return []
        if not part.is_multipart():
            return [self.piece(part, number)] if self.accepts(part, kind, first=first) else []
        if kind in _MAILS:
            inner, number = forwarded_in(part), number or "1"
            return [self.piece(part, number), *self.pieces(inner, number if inner.is_multipart() else f"{number}.1")]
        if kind == "message/partial":
            return self.pieces(children(part)[0], number)
        return [] if part.get_content_maintype() == "message" else self.of_many(part, number)

    def piece(self, part: Message[Any, Any], number: str) -> Piece:
        return Piece(part, number or "1", self.budget)

    def of_many(self, part: Message[Any, Any], number: str) -> list[Piece]:
        subtype = part.get_content_subtype()
        groups = (
            self.pieces(
                child, f"{number}.{index}".lstrip("."), first=index == 1 or subtype in {"alternative", "related"}
            )
            for index, child in enumerate(children(part), 1)
        )
        match subtype:
            case "alternative":
                return self.best(list(groups))
            case "related":
                return self.root(part, list(groups))
            case "signed":
                return next(filter(None, groups), [])
            case "report":
                return self.notice(part, number, list(groups))
            case "encrypted":
                self.flags["encrypted"] = None
                return []
            case _:
                return self.bounded(list(chain.from_iterable(groups)))

    def bounded(self, pieces: list[Piece]) -> list[Piece]:
        if len(pieces) > MAX_PIECES:
            self.flags["too_deep"] = None
        return pieces[:MAX_PIECES]

    def notice(self, part: Message[Any, Any], number: str, groups: list[list[Piece]]) -> list[Piece]:
        """Of a report, the part for people, else the part for machines, else the returned mail."""
        readable = (group for group in groups if group and group[0].kind not in _MAILS)
        status = (
            [self.piece(child, f"{number}.{index}".lstrip("."))]
            for index, child in enumerate(children(part), 1)
            if child.get_content_type() == _STATUS and child.is_multipart()
        )
        return next(chain(readable, status, filter(None, groups)), [])

    def root(self, part: Message[Any, Any], groups: list[list[Piece]]) -> list[Piece]:
        try:
            start = str(part.get_param("start", "")).strip("<> ")
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - see _is_named
            start = ""
        ids = [str(child.get("Content-ID", "")).strip("<> \r\n\t") for child in children(part)]
        if start and start in ids and (root := groups[ids.index(start)]):
            return root
        root = next(filter(None, groups), [])
        beside = (group for child, group in zip(children(part), groups, strict=True) if _stands_alone(child))
        return self.bounded([*root, *chain.from_iterable(group for group in beside if group is not root)])

    def best(self, groups: list[list[Piece]]) -> list[Piece]:
        """Of alternatives the plain text, unless it is blank or stands in for the HTML; else the HTML."""
        prose = [group for group in groups if any(piece.kind not in _MAILS for piece in group)]
        prose = [group for group in prose if any(piece.kind in _COMPETING for piece in group)] or prose
        rich = [group for group in prose if _is_rich(group)]
        plain = _fullest([group for group in prose if not _is_rich(group)])
        if plain is not None and (not rich or len(_shown(plain).split()) > STAND_IN_WORDS):
            return plain
        html = _fullest(rich)
        if plain is None or html is None:
            return plain or html or []
        if stands_in(_shown(plain), _shown(html)):
            self.flags["placeholder_text"] = None
            return html
        return plain


def _stands_alone(part: Message[Any, Any]) -> bool:
    """Whether nothing can refer to *part* of a `multipart/related`: some programs put text behind a picture there."""
    return not (part.get("Content-ID") or part.get("Content-Location") or _is_named(part))


def _is_rich(group: list[Piece]) -> bool:
    return any(piece.kind in HTML or piece.kind in ENRICHED for piece in group)


def _fullest(groups: list[list[Piece]]) -> list[Piece] | None:
    """The last of *groups* that is not blank, as the best comes last (RFC 2046, 5.1.4); one over twice as long before it where
    there is one, as a mailing list's footer may come last too.
    """
    best: list[Piece] | None = None
    for group in [group for group in groups if not _MARKUP.match(_shown(group))] or groups:
        if not is_blank(_shown(group)) and (best is None or len(_shown(group)) * 2 >= len(_shown(best))):
            best = group
    return best


def _shown(group: list[Piece]) -> str:
    return "\n".join(piece.shown.text for piece in group)


def _without_copies(pieces: list[Piece]) -> Iterator[Piece]:
    """*pieces* without plain text that the HTML beside it says again: some programs do not call them alternatives."""
    for index, piece in enumerate(pieces):
        beside = (pieces[other] for other in (index - 1, index + 1) if 0 <= other < len(pieces))
        rich = [other for other in beside if other.kind in HTML]
        if piece.kind not in _PLAIN or not any(letters(piece.shown.text) == letters(html.shown.text) for html in rich):
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


def forwarded_in(part: Message[Any, Any]) -> Message[Any, Any]:
    """The mail that is forwarded as *part*; also where a program has encoded it as a whole, which the standard forbids."""
    inner = children(part)[0]
    encoded = str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64"
    if not encoded or inner.keys() or inner.is_multipart():
        return inner
    return parse(payload(inner, "base64")[0]).message


def _status(part: Message[Any, Any]) -> PartText:
    """The fields of a report for machines, and what stands below them."""
    lines: list[str] = []
    for block in children(part):
        lines += [f"{name}: {value}" for name, value in block.items()]
        lines += [] if block.is_multipart() else [str(block.get_payload()).strip()]
    return PartText("\n".join(filter(None, lines)).encode("utf-8", "replace").decode())


def _forwarded_header(part: Message[Any, Any]) -> PartText:
    headers = {name.lower(): value for name, value in reversed(list(forwarded_in(part).raw_items()))}
    lines = [FORWARDED]
    flags: dict[str, None] = {}
    for name in ("From", "Date", "Subject"):
        value, found = unfolded(str(headers.get(name.lower(), ""))[:1_000])
        flags |= dict.fromkeys(found)
        if name != "Date" or instant(value)[0] is None:
            value, found = readable(name.lower(), value)
            flags |= dict.fromkeys(found)
        if value.strip():
            lines.append(f"{name}: {' '.join(value.split())}")
    return PartText("\n".join(lines), tuple(flags))
