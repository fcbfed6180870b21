"""Texts in CSV files, which people open in spreadsheets: none is taken for a formula.

A spreadsheet that expects another mark between columns than the comma, as in much of Europe, splits a row inside its texts, at
semicolons and line ends: no part of a text may be one.

(https://owasp.org/www-community/attacks/CSV_Injection)
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

#: What begins a formula, with what a spreadsheet passes over in front of it.
_PASSED = r"[\s\x00-\x20\x{A0}\x{3000}\x{FEFF}\"']*"
_SIGN = r"[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_FORMULA = rf"^({_PASSED}(?:{_SIGN}|[\t\r]))"

#: The same behind what may split a text.
_PART = rf"([;\t\r\n]{_PASSED})({_SIGN})"

#: Numbers are none, though some begin with a sign.
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def without_formulas(texts: pa.Array) -> pa.Array:
    """The strings *texts*, with an apostrophe before each that a spreadsheet would take for a formula, and before such parts."""
    parts = pc.replace_substring_regex(texts, _PART, r"\1'\2")
    safe = pc.replace_substring_regex(parts, _FORMULA, r"'\1")
    return pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, safe)
