"""Spaces, hyphens and digits as numbers are written with them, whatever their look: character for character, so that what
is found stands at the same place in the text as it came.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, number_array
from airflow_provider_claude.core.scan.normalise import put, rows_where

#: Spaces of any width but the plain one; hyphens, the short dash and the minus sign. A long dash parts words.
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\uff0d"

#: What there may be something to do about: digits are those of other scripts and styles.
_ODD = rf"[{_SPACES}{_DASHES}]|[^\P{{Nd}}0-9]"


def plain(texts: pa.Array) -> pa.Array:
    """The strings *texts* with plain spaces, hyphens and digits."""
    rows = rows_where(pc.match_substring_regex(texts, _ODD))
    if not rows:
        return texts
    some = [text.translate(_plain_ones()) for text in texts.take(number_array(rows, pa.int64())).to_pylist()]
    return put(texts, rows, array(some, texts.type))


@cache
def _plain_ones() -> dict[int, str]:
    """For str.translate, one character for each."""
    table = dict.fromkeys(map(ord, _SPACES), " ") | dict.fromkeys(map(ord, _DASHES), "-")
    digits = (code for code in range(128, sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Nd")
    return table | {code: str(unicodedata.digit(chr(code))) for code in digits}
