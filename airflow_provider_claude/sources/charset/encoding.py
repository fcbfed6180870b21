"""The name of a table's character set, as a user writes it."""

from __future__ import annotations

from difflib import get_close_matches
from encodings.aliases import aliases

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.charset.decoding import lookup

#: Names that people write most; the aliases of Python's codecs stand beside them where a close one is looked for.
_USUAL = (
    "utf-8",
    "utf-16",
    "windows-1252",
    "windows-1251",
    "iso-8859-1",
    "gb18030",
    "gbk",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "macintosh",
)


def check_encoding(name: str | None) -> str | None:
    """*name*, where there is such a character set, or where it is a template that is not rendered yet.

    Raises JobError, with close names, where there is none.
    """
    if not name or "{{" in name or "{%" in name or lookup(name) is not None:
        return name
    known = dict.fromkeys([*_USUAL, *(alias.replace("_", "-") for alias in aliases)])
    close = [one for one in get_close_matches(name[:40].lower(), known, n=4) if lookup(one) is not None]
    raise JobError(
        f"encoding={name[:40]!r} is not a character set that can be read. "
        f"Write a name such as {', '.join(map(repr, close or _USUAL[:6]))}, or leave encoding out for UTF-8."
    )
