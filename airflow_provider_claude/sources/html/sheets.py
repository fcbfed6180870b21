"""Style sheets of a mail, as far as they decide what is seen, and which of their rules an element meets.

Selectors are tags, classes, ids and attributes, and their descendants. What is odder is taken to match, so that no
text is shown that a client might hide: `p:not(.x)` and `td > p + p` are read as `p` and `td p`. States and generated
content (`:hover`, `::before`) match nothing. Of media queries those hold that a window of 1,024 px on a light screen
meets.

The selectors of Lexbor, which parses the HTML, are not used: they have no bound, and cannot be stopped. On 500 nested
elements, `.z .b .b .b` takes them 14 s, and each `.b` more multiplies that; 20,000 siblings and one `:nth-child` take 4 s.
Here an element costs the rules that its tag, classes or id may meet, and `steps` ends it. (cssselect2 exceeds Python's
recursion limit on a selector of 90,000 parts.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from airflow_provider_claude.sources.html.styles import Style, names, style_of, uncommented, unescaped

#: Sheets that are longer together, in characters, are not read.
MAX_SHEETS = 200_000

#: Attributes are compared up to this many characters: each rule reads them again.
_MAX_ATTRIBUTE = 200

#: Compounds of a selector that are looked at, from the right.
_MAX_COMPOUNDS = 6

_WINDOW = 1_024

_MARK = re.compile(r"[{};]")
_COMBINATORS = re.compile(r"\s*[>+~]\s*|\s+")
_SIMPLE = re.compile(r"([.#]?)([\w-]+)|\[([^\[\]]*)\]|(::?)([\w-]+)")
_ATTRIBUTE = re.compile(r"([\w-]+)(?:([~|^$*]?)=[\"']?(.*?)[\"']?(?: [is])?)?")
_ELSEWHERE = names(
    "hover active focus focus-within focus-visible visited before after selection placeholder marker first-letter "
    "first-line checked disabled target -ms-clear -ms-reveal -webkit-scrollbar -moz-placeholder "
    "-webkit-input-placeholder -ms-input-placeholder -webkit-full-screen -moz-focus-inner"
)
_WIDTH = re.compile(r"(min|max)-(?:device-)?width ?: ?(\d{1,5})")

Attributes = Mapping[str, str | None]


class Element(NamedTuple):
    """What selectors ask of an element; *outer* is the one around it."""

    tag: str
    attributes: Attributes
    classes: frozenset[str]
    outer: Element | None


class _Compound(NamedTuple):
    tag: str
    classes: frozenset[str]
    id: str
    attributes: tuple[tuple[str, str, str], ...]

    def fits(self, element: Element) -> bool:
        return (
            (not self.tag or self.tag == element.tag)
            and self.classes <= element.classes
            and (not self.id or self.id == _short(element.attributes.get("id")))
            and (not self.attributes or all(_attribute_fits(element.attributes, *wanted) for wanted in self.attributes))
        )


def _short(value: str | None) -> str:
    return (value or "")[:_MAX_ATTRIBUTE].lower()


def _attribute_fits(attributes: Attributes, name: str, how: str, wanted: str) -> bool:
    there = _short(attributes.get(name))
    fits = {
        "any": True,
        "~": wanted in there.split(),
        "|": there.startswith(wanted),
        "^": there.startswith(wanted),
        "$": there.endswith(wanted),
        "*": wanted in there,
    }
    return name in attributes and fits.get(how, there == wanted)


class _Rule(NamedTuple):
    """*compounds* from the right to the left; *rank* is specificity, then place."""

    compounds: tuple[_Compound, ...]
    rank: tuple[int, int, int, int]
    style: Style


class TooManyStepsError(Exception):
    """The rules and elements are more than are compared."""


@dataclass(slots=True)
class Sheet:
    """The rules of all sheets, by the tag, class or id that an element must have; *steps* are left for comparing."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    steps: int = 300_000

    def add(self, css: str) -> None:
        for index, (selectors, body) in enumerate(
            _blocks(uncommented(css.lower())), sum(map(len, self.rules.values()))
        ):
            style = style_of(body)
            if style.usual or style.important:
                for selector in selectors.split(","):
                    self._add(selector, index, style)

    def _add(self, selector: str, index: int, style: Style) -> None:
        parts = _COMBINATORS.split(unescaped(selector).strip())[-_MAX_COMPOUNDS:]
        compounds = [_compound(part) for part in reversed(parts) if part]
        if not compounds or None in compounds:
            return
        found = tuple(filter(None, compounds))
        ids = sum(bool(one.id) for one in found)
        classes = sum(len(one.classes) + len(one.attributes) for one in found)
        rank = (ids, classes, sum(bool(one.tag) for one in found), index)
        last = found[0]
        key = f"#{last.id}" if last.id else f".{min(last.classes)}" if last.classes else last.tag
        self.rules.setdefault(key, []).append(_Rule(found, rank, style))

    def styles(self, element: Element) -> list[Style]:
        """The styles of the rules that *element* meets, the strongest last. Raises TooManyStepsError."""
        if not self.rules:
            return []
        keys = ["", element.tag, *(f".{name}" for name in element.classes)]
        if name := element.attributes.get("id"):
            keys.append(f"#{_short(name)}")
        met = [rule for key in keys for rule in self.rules.get(key, ()) if self._meets(rule, element)]
        return [rule.style for rule in sorted(met, key=lambda rule: rule.rank)]

    def _meets(self, rule: _Rule, element: Element) -> bool:
        """Whether *element* fits the rightmost compound, and ancestors of it the others, in their order."""
        self.steps -= 1
        if self.steps < 0:
            raise TooManyStepsError
        if not rule.compounds[0].fits(element):
            return False
        outer = element.outer
        for compound in rule.compounds[1:]:
            while outer is not None and not compound.fits(outer):
                self.steps -= 1
                outer = outer.outer
            if outer is None:
                return False
            outer = outer.outer
        return True


def sheet_of(sheets: Iterable[tuple[str, str]]) -> Sheet:
    """The rules of *sheets*, pairs of a `media` attribute and CSS, in their order."""
    sheet = Sheet()
    for media, css in sheets:
        if not media or _holds(f"@media {media.lower()}"):
            sheet.add(css)
    return sheet


def _compound(text: str) -> _Compound | None:
    """What *text*, such as `td.note#x`, asks of an element; None where nothing that stands still fits it."""
    tag = name = ""
    classes: list[str] = []
    attributes: list[tuple[str, str, str]] = []
    plain = re.sub(r"\([^()]*\)", "", text[:500])
    for kind, word, attribute, colons, pseudo in _SIMPLE.findall(plain):
        if colons:
            if pseudo in _ELSEWHERE or colons == "::":
                return None
            tag = "html" if pseudo == "root" else tag
        elif attribute:
            if wanted := _ATTRIBUTE.fullmatch(attribute.strip()):
                how = wanted[2] if wanted[3] is not None else "any"
                attributes.append((wanted[1], how or "", wanted[3] or ""))
        elif kind == ".":
            classes.append(word)
        elif kind == "#":
            name = word
        else:
            tag = word
    return _Compound(tag, frozenset(classes), name, tuple(attributes))


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of the rules of *css* that hold here, in order."""
    open_blocks: list[tuple[str, bool]] = []
    start = 0
    for mark in _MARK.finditer(css):
        piece = css[start : mark.start()]
        inside_rule = bool(open_blocks) and not open_blocks[-1][0].startswith("@")
        holds = open_blocks[-1][1] if open_blocks else True
        if mark[0] == "{":
            prelude = piece.replace("<!--", "").replace("-->", "").strip()
            open_blocks.append((prelude, holds and (not prelude.startswith("@") or _holds(prelude))))
        elif mark[0] == "}" and open_blocks:
            if inside_rule and holds:
                yield open_blocks[-1][0], piece
            open_blocks.pop()
        elif inside_rule:
            continue
        start = mark.end()
    if open_blocks and open_blocks[-1][1] and not open_blocks[-1][0].startswith("@"):
        yield open_blocks[-1][0], css[start:]


def _holds(prelude: str) -> bool:
    name, _, condition = prelude[1:1_000].partition(" ")
    if name.startswith("media"):
        return any(map(_query_holds, (name[5:] + condition).split(",")))
    return name in {"supports", "layer", "scope", "container"}


def _query_holds(query: str) -> bool:
    if re.match(r"\s*not\b", query):
        return True
    if re.search(r"\b(print|speech|aural|tty|tv|handheld|projection|dark|portrait|-ms-high-contrast)\b", query):
        return False
    return all(
        int(width) <= _WINDOW if bound == "min" else int(width) >= _WINDOW for bound, width in _WIDTH.findall(query)
    )
