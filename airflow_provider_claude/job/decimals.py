"""Decimals in a JSON schema: strings of the format `decimal(10, 2)`, digits in all and behind the point.

JSON has no decimals. A Pydantic `Decimal` is asked as a number or such a string; a JSON schema may name the format itself,
for a string. The description of the field tells Claude the format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: As many digits as most stores of tables have, and the scale that Spark uses where `Decimal` states none.
DIGITS, SCALE = 38, 18

#: The most digits that Arrow has.
_MOST_DIGITS = 76

_FORMAT = re.compile(r"decimal(?:\((\d{1,2}), ?(\d{1,2})\))?")


def decimal_format(digits: int | None, scale: int | None) -> str | None:
    """The format of decimals with at most *digits* in all and *scale* behind the point, where they are bounded.

    None where they have more digits than a column can hold.
    """
    if scale is None:
        scale = SCALE if digits is None else min(digits, SCALE)
        digits = DIGITS if digits is None else max(digits, min(digits + scale, DIGITS))
    elif digits is None:
        digits = max(DIGITS, scale)
    digits = max(digits, scale)
    return f"decimal({digits}, {scale})" if digits <= _MOST_DIGITS else None


def decimal_of(node: Mapping[str, Any]) -> tuple[int, int] | None:
    """The digits, in all and behind the point, of the decimals that *node* asks for; None where it asks for none."""
    found = _FORMAT.fullmatch(str(node.get("format", ""))) if node.get("type") == "string" else None
    if found is None:
        return None
    digits, scale = (int(found[1]), int(found[2])) if found[1] else (DIGITS, SCALE)
    return (digits, scale) if 0 < digits <= _MOST_DIGITS and scale <= digits else None
