"""E-mail addresses, also in links (`%40`) and in other scripts. Their value is in lower case."""

from __future__ import annotations

import re

from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text

#: The longest local part there can be (RFC 5321).
_LOCAL = 64

_AT = re.compile(
    r"[@＠%](?:(?<!%)|(?<=%)40)((?:[^\W_](?:[\w-]{0,62})\.){1,8}(?:xn--[\w-]{2,59}|[A-Za-z]{2,24}|[^\W\d_A-Za-z]{2,24}))(?![A-Za-z0-9_@])"
)
_LOCAL_BACKWARDS = re.compile(r"[\w.!#$&'*+/?^`{|}~-]+")
_CJK = re.compile(r"[\u3000-\u9FFF\uAC00-\uD7AF\uFF00-\uFFEF]")


def find_emails(text: str) -> list[Hit]:
    return [hit for match in _AT.finditer(text) if (hit := _address(text, match)) is not None]


def _address(text: str, match: re.Match[str]) -> Hit | None:
    before = _LOCAL_BACKWARDS.match(text[max(0, match.start() - _LOCAL) : match.start()][::-1])
    if before is None:
        return None
    local = _CJK.split(before[0][::-1])[-1]  # such scripts write no space before it
    local = re.split(r"[/?&{}|]", local)[-1].lstrip(".!#$'*+^`~-")
    if not local.strip("."):
        return None
    return Hit(match.start() - len(local), match.end(), f"{local}@{match[1]}".lower())


def finder() -> Finder:
    return each_text("@|%40|＠", find_emails)
