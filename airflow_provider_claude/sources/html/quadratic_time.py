"""HTML that a parser would need quadratic time for, recognised by its tags before it is parsed.

Tags may stand where a parser sees none. Opening ones count there too, and closing ones are counted apart: so the
depth may be taken for more than it is, and for less by MAX_ODD_CLOSINGS at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_provider_claude.sources.html.styles import names

#: Elements nested deeper than this are not parsed as a tree, which would take time with the square of the depth.
MAX_DEPTH = 2_000

#: Nor with more closing tags than these that do not close the element they stand in: a parser ignores most of those, and so
#: they would hide how deep the others nest.
MAX_ODD_CLOSINGS = 5_000

#: Nor is what has more of tags times the formatting tags that are open there: each of those may open all of these again
#: (the standard's "reconstruct the active formatting elements").
MAX_TANGLE = 1_000_000

#: Nor with more attributes in one tag, each of which is compared with all before it. Pages have one `html` and one `body`: the
#: different attributes of all such tags are theirs. Real mails stay below 100.
MAX_ATTRIBUTES = 500

_FORMATTING = names("a b big code em font i nobr s small strike strong tt u")
_EMPTY = names("area base br col embed hr img input link meta param source track wbr")

#: Elements that end where one of the same group begins, and the first of these where any of them does.
_UNCLOSED = {name: group for group in ("p", "li", "td th tr", "dt dd", "option") for name in group.split()}

#: Where tags may stand that are none: comments, what is taken for one, CDATA, and elements that hold only text.
_ASIDE = re.compile(
    r"<!--|<!\[cdata\[|<[!?]|</(?![a-z])|"
    r"<(script|style|title|textarea|xmp|iframe|noembed|noframes|noscript|plaintext)\b"
)

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")

#: An attribute as browsers read one, and all that stand behind the name of a tag. Neither ever goes back.
_ATTRIBUTE = r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+))?+"""
_TAG_WITH_MORE = re.compile(rf"</?([a-zA-Z][a-zA-Z0-9]*+)(?!>)(?=([^\s/>]*+(?:[\s/]++|{_ATTRIBUTE})*+))")
_ONE_ATTRIBUTE = re.compile(_ATTRIBUTE)
_WHOLE_PAGE = names("html body")


def is_beyond_bounds(html: str) -> bool:
    """Whether the tags of *html* have too many attributes, or its elements, as far as its tags tell, nest too deep."""
    in_tags = _closings_in_tags(html)
    if in_tags is None:
        return True
    doubtful = _closings_aside(html.lower()) + in_tags
    if doubtful > MAX_ODD_CLOSINGS:
        return True
    tags = html.count("<")  # so many at most, which mostly are too few for any bound
    return (tags > MAX_DEPTH or tags * (tags + doubtful) > MAX_TANGLE) and _is_tangled(html, doubtful)


def _closings_in_tags(html: str) -> int | None:
    """How many closing tags of *html* may be part of another tag's attributes; None where a tag has more of these than
    MAX_ATTRIBUTES. Each `<` may begin one, also where it stands in a comment or in an attribute: that is looked into twice, and
    an honest page is not twice its own length.
    """
    found = looked_at = 0
    of_page: set[str] = set()
    for tag in _TAG_WITH_MORE.finditer(html):
        name, text = tag.groups()
        looked_at += len(text)
        found += text.count("</")
        if name.lower() in _WHOLE_PAGE:
            of_page.update(_names(text))
        many = len(text) > MAX_ATTRIBUTES and _attributes(text) > MAX_ATTRIBUTES
        if many or len(of_page) > MAX_ATTRIBUTES or looked_at > 2 * len(html):
            return None
    return found


def _closings_aside(html: str) -> int:
    """How many closing tags of *html* may be none, since they stand in a comment or where there is only text. Each place where
    such may begin is taken for one, so that these are too many rather than too few.
    """
    covered = found = 0
    ends: dict[str, int] = {}
    for offset in _ASIDE.finditer(html):
        end = _end_of_aside(html, offset, ends)
        begin = max(covered, offset.start() + 2)
        if end > begin:
            found += html.count("</", begin, end)
            covered = end
    return found


def _end_of_aside(html: str, offset: re.Match[str], ends: dict[str, int]) -> int:
    """Where what begins at *offset* ends at the latest. *ends*: where each mark was found last."""
    mark = {"<!--": "-->", "<![cdata[": "]]>"}.get(offset[0], f"</{offset[1]}" if offset[1] else ">")
    if mark == "</plaintext":
        return len(html)
    if ends.get(mark, -1) < offset.end():
        # a script may hold the end of another one in a comment of its own
        at = html.rfind(mark, offset.end()) if mark == "</script" else html.find(mark, offset.end())
        ends[mark] = at if at >= 0 else len(html)
    return ends[mark]


def _names(text: str) -> Iterator[str]:
    return (one[0].partition("=")[0].strip().lower() for one in _ONE_ATTRIBUTE.finditer(text))


def _attributes(text: str) -> int:
    return sum(1 for _ in _ONE_ATTRIBUTE.finditer(text))


def _is_tangled(html: str, doubtful: int) -> bool:
    """Whether the elements of *html*, as far as its tags tell, nest too deep or are too many of both kinds, where *doubtful*
    closing tags may be none.
    """
    around: list[str] = []
    odd = tangle = 0
    formatting = doubtful
    for closing, tag in _TAG.findall(html):
        name = tag.lower()
        if name in _FORMATTING:
            formatting += 1 if not closing else -(around[-1:] == [name])
        tangle += formatting
        if tangle > MAX_TANGLE:
            return True
        if name in _EMPTY:
            continue
        if not closing:
            _end_unclosed(around, name)
            around.append(name)
            if len(around) > MAX_DEPTH:
                return True
        elif not _closes(around, name):
            odd += 1
    return odd > MAX_ODD_CLOSINGS


def _end_unclosed(around: list[str], name: str) -> None:
    """Take off the end of *around* what ends where the element *name* begins."""
    group = _UNCLOSED.get(name)
    if group and around and around[-1] == "p":
        around.pop()
    if group and around and _UNCLOSED.get(around[-1]) == group:
        around.pop()


def _closes(around: list[str], name: str) -> bool:
    """Take the element *name* off its end of *around*; whether it is the innermost but for what needs no closing tag."""
    last = around.pop() if around else ""
    if last == name:
        return True
    if last in _UNCLOSED and around and around[-1] == name:
        around.pop()
    elif last:
        around.append(last)
    return False
