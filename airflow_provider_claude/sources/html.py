"""HTML as a reader of the mail would see it: text with line breaks, without what is hidden from the eye.

Hidden is what says so itself: the `hidden` attribute, or an inline style that takes away its display, its size,
its opacity, its place on the page or its contrast; or an inline style that is too long or too odd to be judged.
Rules of style sheets are not applied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Elements nested deeper than this are not parsed as a tree, which would take time with the square of the depth.
MAX_DEPTH = 2_000

#: Nor is what is longer, in characters.
MAX_HTML = 1_000_000

#: Nor is what has more formatting tags times other tags: each of these may open all of those anew (the standard's
#: "reconstruct the active formatting elements"). Real mails stay below 400,000.
MAX_TANGLE = 1_000_000

#: A tree is read up to as many nodes, which takes a second or two.
MAX_NODES = 100_000


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Inline styles longer than this are not looked at, as the patterns are not linear, and taken to hide.
MAX_STYLE = 1_000

_DROPPED = frozenset({"script", "style", "head", "title", "template", "noframes", "iframe", "object", "svg", "math"})
_BLOCKS = _names(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr li main menu nav ol p pre section summary table tbody tfoot thead tr ul"
)
_CELLS = frozenset({"td", "th"})
_FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
_UNNESTED = _names("area base br col embed hr img input link meta param source track wbr p li td th tr dt dd option")

_FAR = r"-0*([3-9]\d\d|[1-9]\d{3}|[1-9]\d+(\.\d+)?r?em)"
_GONE = re.compile(
    r"display:none|(^|;)color:transparent|visibility:(hidden|collapse)|mso-hide:all|text-indent:-\d{3}"
    r"|opacity:0*(\.0\d*|\.?)(!| |;|$)|opacity:0*\d?(\.\d*)?%"
    rf"|(^|;)(text-indent|left|right|top|bottom|margin(-left|-right|-top|-bottom)?):([^;]* )?{_FAR}"
    r"|clip-path:(inset\((100|[5-9]\d)(\.\d*)?%|circle\(0)|transform:[^;]*scale(x|y|3d)?\(0*(\.0\d*|\.)?[,) ]"
    r"|(^|;)scale:0*(\.0\d*|\.)?(!| |;|$)"
    r"|position:(absolute|fixed).*(left|top|right|bottom):-\d{3}|(left|top|right|bottom):-\d{3}.*position:(absolute|fixed)"
    r"|clip:rect\((0|1px)|(height|width):0[a-z%]*(;|!).*overflow:hidden|overflow:hidden.*(height|width):0[a-z%]*(;|!|$)"
)
_FONT_SIZE = re.compile(r"(?:^|;)font(?:-size)?:(?:[^;]*\s)?([\d.]+)(px|pt|em|rem|%|)(?=[!;/ ]|$)")
_LEGIBLE = {"px": 2, "pt": 2, "em": 0.2, "rem": 0.2, "%": 20}
_COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
_BACKGROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
_NAMED = {"white": "#ffffff", "black": "#000000"}
_BLANKS = re.compile(r"\s+")
_SEPARATOR = re.compile(r" ?([:;,]) ?")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")


def text_of(html: str) -> tuple[str, tuple[str, ...]]:
    """The visible text of *html*, and its flags: `hidden_text` where text was hidden and so left out; `html_unparsed`
    where *html* is beyond the bounds, so that only its tags were taken off.
    """
    if len(html) > MAX_HTML or _is_beyond_bounds(html):
        return _stripped(html)
    root = LexborHTMLParser(html).root
    reading = _Reading(_Look(background=None if "<style" in html.lower() else "#ffffff"))
    if root is not None and not reading.read(root):
        return _stripped(html)
    return _tidy("".join(reading.pieces)), ("hidden_text",) if reading.hid else ()


def _stripped(html: str) -> tuple[str, tuple[str, ...]]:
    return _tidy(re.sub(r"<[^<>]*>", "\n", html)), ("html_unparsed",)


def _is_beyond_bounds(html: str) -> bool:
    """Whether the elements of *html*, as far as its tags tell, nest too deep or are too many of both kinds."""
    depth = deepest = formatting = others = 0
    for closing, tag in _TAG.findall(html):
        name = tag.lower()
        if name not in _UNNESTED:
            depth = max(depth - 1, 0) if closing else depth + 1
            deepest = max(deepest, depth)
        if name in _FORMATTING and not closing:
            formatting += 1
        else:
            others += 1
    return deepest > MAX_DEPTH or formatting * others > MAX_TANGLE


def _tidy(text: str) -> str:
    text = "\n".join(line.strip(" \t") for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@dataclass(frozen=True, slots=True)
class _Look:
    """What an element hands down to its text. A colour is None where it is not known."""

    gone: bool = False
    tiny: bool = False
    preformatted: bool = False
    colour: str | None = None
    background: str | None = None

    @property
    def hidden(self) -> bool:
        return self.gone or self.tiny or (self.colour is not None and self.colour == self.background)

    def of(self, node: LexborNode) -> _Look:
        """The look inside of the element *node*."""
        attributes = node.attributes
        if node.tag == "pre":
            return replace(self, preformatted=True)
        if not attributes:
            return self
        style = attributes.get("style") or ""
        odd = len(style) > MAX_STYLE or "/*" in style or "\\" in style
        style = "" if odd else _SEPARATOR.sub(r"\1", _BLANKS.sub(" ", style.lower()).strip())
        return _Look(
            gone=self.gone or odd or "hidden" in attributes or _GONE.search(style) is not None,
            tiny=_tiny(style, inherited=self.tiny),
            preformatted=self.preformatted,
            colour=_colour(_COLOUR, style, attributes.get("color"), self.colour),
            background=_background(style, attributes, self.background),
        )


def _tiny(style: str, *, inherited: bool) -> bool:
    sizes = list(_FONT_SIZE.finditer(style))
    if not sizes:
        return inherited
    size = sizes[-1]
    number = float(size[1].rstrip(".") or 0) if size[1].count(".") < 2 else 0.0
    return number < _LEGIBLE.get(size[2], 0) or number == 0


def _background(style: str, attributes: dict[str, str | None], inherited: str | None) -> str | None:
    if attributes.get("background") or "url(" in style or "gradient(" in style:
        return None
    return _colour(_BACKGROUND, style, attributes.get("bgcolor"), inherited)


def _colour(pattern: re.Pattern[str], style: str, attribute: str | None, inherited: str | None) -> str | None:
    stated = pattern.search(style)
    value = (stated[1] if stated else attribute or "").strip().lower()
    if value in {"", "inherit", "transparent", "none"}:
        return inherited
    return _hexadecimal(value)


def _hexadecimal(colour: str) -> str:
    if numbers := re.match(r"rgba?\((\d+)[, ]+(\d+)[, ]+(\d+)", colour):
        return "#" + "".join(f"{int(n):02x}" for n in numbers.groups())
    if short := re.fullmatch(r"#([0-9a-f])([0-9a-f])([0-9a-f])", colour):
        return "#" + "".join(digit * 2 for digit in short.groups())
    return _NAMED.get(colour, colour)


@dataclass(slots=True)
class _Reading:
    """A walk over a tree, without recursion: trees of mails may be deeper than Python's stack."""

    look: _Look
    pieces: list[str] = field(default_factory=list)
    hid: bool = False

    def read(self, root: LexborNode) -> bool:
        """Whether the tree of *root* was read to its end, which it is not beyond MAX_NODES."""
        nodes = 0
        todo: list[tuple[LexborNode | str, _Look]] = [(root, self.look)]
        while todo:
            node, look = todo.pop()
            if isinstance(node, str):
                self.pieces.append(node)
                continue
            nodes += 1
            if nodes > MAX_NODES:
                return False
            if node.next is not None and node is not root:
                todo.append((node.next, look))
            if node.is_text_node:
                self.add(node.text_content or "", look)
            elif node.tag not in _DROPPED and node.is_element_node:
                self.enter(node, look.of(node), todo)
        return True

    def enter(self, node: LexborNode, look: _Look, todo: list[tuple[LexborNode | str, _Look]]) -> None:
        if node.tag == "br":
            self.pieces.append("\n")
        elif node.tag in _BLOCKS:
            self.pieces.append("\n")
            todo.append(("\n\n" if node.tag == "p" else "\n", look))
        elif node.tag in _CELLS:
            todo.append((" ", look))
        if node.child is not None:
            todo.append((node.child, look))

    def add(self, text: str, look: _Look) -> None:
        if look.hidden:
            self.hid = self.hid or not text.isspace()
            return
        if not look.preformatted:
            text = re.sub(r"\s+", " ", text)
            if not self.pieces or self.pieces[-1][-1:].isspace():
                text = text.lstrip()
        if text:
            self.pieces.append(text)
