"""IBANs: the checksum, the country's length and, where it has one, its own check (python-stdnum)."""

from __future__ import annotations

import re

from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text

_START = r"[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{3,4}[ -]?[A-Za-z0-9]{3}"
_IBAN = re.compile(r"(?<![\w-])(?=([A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}))")
_GROUP_END = re.compile(r"(?<=\w)(?!\w)")


def find_ibans(text: str) -> list[Hit]:
    return [hit for match in _IBAN.finditer(text) if (hit := _longest(text, match)) is not None]


def _longest(text: str, match: re.Match[str]) -> Hit | None:
    """The longest start of what *match* holds that is an IBAN: words may follow it after a space."""
    from stdnum import iban

    start = match.start(1)
    ends = [end.start() for end in _GROUP_END.finditer(text, start + 15, min(match.end(1) + 1, len(text)))]
    for end in reversed(ends):
        value = text[start:end].replace(" ", "").replace("-", "").upper()
        if iban.is_valid(value):
            return Hit(start, end, value)
    return None


def finder() -> Finder:
    return each_text(rf"\b{_START}", find_ibans)
