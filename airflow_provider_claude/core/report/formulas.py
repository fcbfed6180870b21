"""Texts in CSV files, which people open in spreadsheets: none is taken for a formula.

(https://owasp.org/www-community/attacks/CSV_Injection)
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

#: What begins a formula, with what a spreadsheet passes over in front of it.
_FORMULA = r"^([\s\x00-\x20\x{A0}\x{3000}\x{FEFF}\"']*[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"

#: Numbers are none, though some begin with a sign.
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def without_formulas(texts: pa.Array) -> pa.Array:
    """The strings *texts*, with an apostrophe before each that a spreadsheet would take for a formula."""
    safe = pc.replace_substring_regex(texts, _FORMULA, r"'\1")
    return pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, safe)
