"""Payment cards: a number in its usual groups, of a brand's range and length, whose Luhn checksum fits.

Thirteen digits are no card here: Visa gave up that length, and every barcode has it. Nor is what is part of a longer
number, or of a word.
"""

from __future__ import annotations

import re

from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text

_GROUPS = (
    r"(?:[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}(?:[ -]?\d{3})?"  # 4-4-4-4 and 4-4-4-4-3
    r"|3[0-9]\d{2}[ -]?\d{6}[ -]?\d{4,5})"  # 4-6-5 and 4-6-4
)
_CARD = re.compile(rf"(?<![\w.#])(?=({_GROUPS})(?![\w-]))")

#: By brand, how its numbers begin and how long they are.
_BRANDS = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|65\d{2}|64[4-9]\d)(?:\d{12}|\d{15})"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14}(?:\d{3})?"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}(?:\d{3})?"  # Maestro
)


def find_cards(text: str) -> list[Hit]:
    from stdnum import luhn

    found: list[Hit] = []
    for match in _CARD.finditer(text):
        digits = match[1].replace(" ", "").replace("-", "")
        if _BRANDS.fullmatch(digits) and luhn.is_valid(digits):
            found.append(Hit(*match.span(1), digits))
    return found


def finder() -> Finder:
    return each_text(rf"\b{_GROUPS}\b", find_cards)
