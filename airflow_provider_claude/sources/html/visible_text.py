"""HTML as a reader of the mail would see it: text with line breaks, without what is hidden from the eye.

Hidden is what an attribute, an inline style or a rule of a style sheet in the mail takes away from the eye: its display,
its size, its opacity, its place on the page or its contrast. So are comments. `aria-hidden` hides nothing from the eye.
Texts of attributes (`alt`, `title`) are not part of the text: a client shows `alt` where pictures are blocked, but it
is the picture's, and often "logo" or "spacer".

What is hidden is kept apart, for the gate, which judges the mail. That something is hidden is no proof of anything: honest
newsletters hide the sentence that stands beside the subject in an inbox.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from airflow_provider_claude.sources.html.looks import Look
from airflow_provider_claude.sources.html.quadratic_time import is_beyond_bounds
from airflow_provider_claude.sources.html.sheets import (
    MAX_SHEETS,
    Attributes,
    Element,
    Sheet,
    TooManyStepsError,
    sheet_of,
)
from airflow_provider_claude.sources.html.styles import names

#: What is longer, in characters, is not parsed as a tree.
MAX_HTML = 1_000_000

#: Of what is hidden, so much is kept, in characters.
MAX_HIDDEN = 20_000

#: A tree is read up to as many nodes, which takes a second or two.
MAX_NODES = 100_000


_DROPPED = frozenset({"script", "style", "head", "title", "template", "noframes", "iframe", "object", "svg", "math"})
_BLOCKS = names(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr li main menu nav ol p pre section summary table tbody tfoot thead tr ul"
)
#: What no client shows, or only on request (`<dialog open>`).
_NOT_SHOWN = names("datalist audio video canvas noembed dialog")

#: Attributes that hold text for those who do not see: kept as hidden, without a flag, as every mail has them.
_SPOKEN = ("alt", "title", "aria-label")
_CELLS = frozenset({"td", "th"})
#: Blanks that are not one space each.
_BLANKS = re.compile(r"\s{2,}|[^\S ]")

#: Six words that stand together: most comments are marks of the program that wrote them.
_SENTENCE = re.compile(r"(?:[^\W\d_]{2,20}[,.']? ){5}[^\W\d_]{2,20}")
_MARKUP = re.compile(r"<[^<>]*>|\[if [^\]\n]{0,200}\]>?|<?!?\[endif\]")


class Shown(NamedTuple):
    """The visible *text* of a mail, its *flags*, and what is in it but not shown: up to MAX_HIDDEN characters."""

    text: str
    flags: tuple[str, ...]
    hidden: str


def text_of(html: str) -> Shown:
    """*html* as its reader sees it. Flags: `hidden_text` where text was hidden, and so left out; `hidden_comment` where
    a comment holds a sentence; `html_unparsed` where *html* is beyond the bounds, so that only its tags were taken off.
    """
    if len(html) > MAX_HTML or is_beyond_bounds(html):
        return stripped(html)
    root = LexborHTMLParser(html).root
    if root is None:
        return Shown("", (), "")
    sheets = _sheets(root) if "<style" in html.lower() else []
    if sum(len(css) for _, css in sheets) > MAX_SHEETS:
        return stripped(html)
    reading = _Reading(sheet_of(sheets))
    try:
        done = reading.read(root)
    except TooManyStepsError:
        done = False
    return reading.shown() if done else stripped(html)


def _sheets(root: LexborNode) -> list[tuple[str, str]]:
    return [(node.attributes.get("media") or "", node.text(deep=True)) for node in root.css("style")]


def stripped(html: str) -> Shown:
    """*html* without its tags, hidden text and all."""
    return Shown(_tidy(re.sub(r"<[^<>]*>", "\n", html)), ("html_unparsed",), "")


def _tidy(text: str) -> str:
    text = "\n".join(line.strip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _classes(attributes: Attributes) -> frozenset[str]:
    return frozenset((attributes.get("class") or "").lower().split())


class _Place(NamedTuple):
    """Where the walk stands: the look of what is there, and the elements around it."""

    look: Look
    outer: Element | None


@dataclass(slots=True)
class _Reading:
    """A walk over a tree, without recursion: trees of mails may be deeper than Python's stack."""

    sheet: Sheet
    pieces: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    room: int = MAX_HIDDEN
    flags: dict[str, None] = field(default_factory=dict)

    def shown(self) -> Shown:
        return Shown(_tidy("".join(self.pieces)), tuple(self.flags), "\n".join(self.unseen)[:MAX_HIDDEN])

    def read(self, root: LexborNode) -> bool:
        """Whether the tree of *root*, and what is beside it, was read to its end: it is not beyond MAX_NODES."""
        nodes = 0
        first = root.parent.child if root.parent is not None else root
        todo: list[tuple[LexborNode | str, _Place]] = [(first or root, _Place(Look(), None))]
        while todo:
            node, index = todo.pop()
            if isinstance(node, str):
                self.pieces.append(node)
                continue
            nodes += 1
            if nodes > MAX_NODES:
                return False
            beside = node.next
            if beside is not None:
                todo.append((beside, index))
            if node.is_text_node:
                self.add(node.text_content or "", index.look)
            elif node.is_comment_node:
                self.add_comment(node.comment_content or "")
            elif node.is_element_node and (tag := node.tag or "") not in _DROPPED:
                self.enter(node, tag, index, todo)
        return True

    def enter(self, node: LexborNode, tag: str, index: _Place, todo: list[tuple[LexborNode | str, _Place]]) -> None:
        attributes = node.attributes
        element = Element(tag, attributes, _classes(attributes) if self.sheet.rules else frozenset(), index.outer)
        look = index.look.of(element, self.sheet)
        if tag in _NOT_SHOWN and "open" not in attributes:
            look = replace(look, gone=True)
        for name in _SPOKEN:
            if text := attributes.get(name):
                self.hide(text)
        if tag == "br":
            self.pieces.append("\n")
        elif tag in _BLOCKS:
            self.pieces.append("\n")
            todo.append(("\n\n" if tag == "p" else "\n", index))
        elif tag in _CELLS:
            todo.append((" ", index))
        inner = node.child
        if inner is not None:
            todo.append((inner, _Place(look, element)))

    def add(self, text: str, look: Look) -> None:
        if look.hidden:
            if self.hide(text):
                self.flags["hidden_text"] = None
            return
        if not look.preformatted:
            text = _BLANKS.sub(" ", text)
            if not self.pieces or self.pieces[-1][-1:].isspace():
                text = text.lstrip()
        if text:
            self.pieces.append(text)

    def add_comment(self, comment: str) -> None:
        text = _MARKUP.sub(" ", comment)
        if self.hide(text) and not comment.startswith("[if") and _SENTENCE.search(text[:10_000]):
            self.flags["hidden_comment"] = None

    def hide(self, text: str) -> bool:
        """Keep *text*, as far as there is room, for the gate, which scans hidden text. Returns whether it says anything."""
        text = _BLANKS.sub(" ", text).strip()
        if not any(map(str.isalnum, text)):
            return False
        if self.room > 0:
            self.unseen.append(text[: self.room])
            self.room -= len(text) + 1
        return True
