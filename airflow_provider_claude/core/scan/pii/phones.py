"""Phone numbers, valid by phonenumbers.

With `+` or `00` anywhere in the world. Without, only where a region is given, and then written as that region writes
phone numbers, or after a word such as "call": ten digits alone may be anything. What stands right after "tel:" or the
like is taken for what it is said to be, whatever the library thinks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text
from airflow_provider_claude.errors import JobError

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

#: Digits of the shortest and the longest number that is looked at.
_LEAST, _MOST = 7, 15

_GAP = r"[ \x{A0}().\-/]"
_HINT = rf"(?:\d{_GAP}{{0,3}}){{{_LEAST}}}"
_RUN = re.compile(r"\d(?:[ \xa0().\-/]{0,3}\d){6,40}")  # begins with a digit: what re finds fast
_LEAD = re.compile(r"\(?(?:\+ ?)?\(?\Z")
_GROUP = re.compile(r"\(?(?:\+ ?)?\(?\d+")
_DATE = re.compile(r"(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]?\d{1,2}[./-]?\d{1,2})(?!\d)")
_WORD = re.compile(
    r"(?:\b(?:tel|tele?phone?|tele?fon|phone|mobile?|mobil|cell|handy|call|dial|ring|fax|sms|text|whatsapp|ph|reach"
    r"|contact|t|f|m)\b|tél|☎|📞|📱)[^\n\d]{0,20}\Z",
    re.IGNORECASE,
)

_LABEL = re.compile(
    r"\b(?:tel|tele?phone|telefon|telefono|phone|phone (?:no|number)|mobile|mobil|cell|cellular|handy|fax)"
    r"\b[ \t]?[.:#]{0,2}[ \t]{0,3}\Z",
    re.IGNORECASE,
)

#: Digits in a row that a person writes in at most so many groups.
_MOST_GROUPS = 6


def find_phones(text: str, region: str | None) -> list[Hit]:
    return [hit for match in _RUN.finditer(text) for hit in _in_run(text, match, region)]


def _in_run(text: str, match: re.Match[str], region: str | None) -> Iterator[Hit]:
    """The phone numbers in a run of digits and gaps: the longest that fits, then what is right of it."""
    lead = _LEAD.search(text[max(0, match.start() - 4) : match.start()])
    begin = match.start() - len(lead[0]) if lead else match.start()
    groups = [group.span() for group in _GROUP.finditer(text, begin, match.end())]
    first = 0
    while first < len(groups):
        for last in range(min(len(groups), first + _MOST_GROUPS), first, -1):
            start, end = groups[first][0], groups[last - 1][1]
            if value := _number(text, start, end, region):
                yield Hit(_opened(text, start, end), end, value)
                first = last - 1
                break
        first += 1


def _opened(text: str, start: int, end: int) -> int:
    """*start*, less an opening bracket that nothing closes."""
    written = text[start:end]
    return start + 1 if written.startswith("(") and ")" not in written else start


def _number(text: str, start: int, end: int, region: str | None) -> str | None:
    """The number at *start* to *end* in E.164, None where it is none."""
    written = text[start:end]
    digits = sum(map(str.isdigit, written))
    if not _LEAST <= digits <= _MOST + 2 or _glued(text, start, end):
        return None
    before = text[max(0, start - 30) : start]
    return _valid(written, digits, region, before) or (_digits(written) if _LABEL.search(before) else None)


def _valid(written: str, digits: int, region: str | None, before: str) -> str | None:
    if written.lstrip("( ").startswith(("+", "00")):
        return _international(written if "+" in written else "+" + written.replace("00", "", 1).lstrip("( "))
    if region is None or digits not in _lengths(region) or _DATE.match(written):
        return None
    return _national(written, region, _WORD.search(before) is not None)


def _digits(written: str) -> str:
    return "".join(filter(str.isdigit, written))


def _glued(text: str, start: int, end: int) -> bool:
    """Whether it is part of a word, of a longer number, of a price or of a link."""
    before, after = text[start - 1 : start], text[end : end + 2]
    return bool(re.match(r"[\w$€£¥#=&%@_,.+/-]", before) or re.match(r"[\w%€$£@]|[.,:]\d|-\w", after))


@cache
def _lengths(region: str) -> frozenset[int]:
    """How many digits a number of *region* may have, with the prefix that is dialled within it or its country code."""
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    lengths = metadata.general_desc.possible_length if metadata and metadata.general_desc else ()
    before = (0, 1, len(str(phonenumbers.country_code_for_region(region))))
    return frozenset(length + more for length in lengths for more in before)


@lru_cache(8192)
def _international(written: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return None
    return _e164(number) if phonenumbers.is_valid_number(number) else None


@lru_cache(8192)
def _national(written: str, region: str, named: bool) -> str | None:  # noqa: FBT001 - a key of the cache
    import phonenumbers

    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return _e164(number) if named or _as_usual(written, number, region) else None


def _as_usual(written: str, number: PhoneNumber, region: str) -> bool:
    """Whether *written* is grouped as the library would; where a prefix such as 0 is dialled, that and a gap will do.

    The library's own matcher (`Leniency.STRICT_GROUPING`) takes ten digits without a gap for a number, as many an order has,
    and does not take `030/123456`; it needs twice the time.
    """
    import phonenumbers

    groups = re.findall(r"\d+", written)
    if len(groups) == 1:
        return False
    usual = re.findall(r"\d+", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""  # noqa: FBT003 - the library's signature
    if groups in (usual, [prefix, *usual]):
        return True
    return prefix == "0" and groups[0].startswith("0") and len(groups[0]) > 2


def _e164(number: PhoneNumber) -> str:
    import phonenumbers

    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def check_region(region: str) -> None:
    """Raises JobError unless phonenumbers knows *region*."""
    import phonenumbers

    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise JobError(f"redact_region is {region!r}: write a country as ISO 3166 does, such as 'US', or None.")


def finder(region: str | None) -> Finder:
    """A finder of phone numbers; *region*, such as `US`, is where numbers without a country code belong."""
    return each_text(_HINT, partial(find_phones, region=region))
