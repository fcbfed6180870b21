"""Secrets and keys: the patterns of detect-secrets that are quiet in prose, and a few of our own.

They are matched by RE2, which is linear, because some of those patterns are not in Python, and the text is untrusted.
Left out: what is looked for by entropy or by key words of code, and what finds words of a language (Artifactory).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.pii.hits import Hit

#: Plugins of detect-secrets, by module and class.
_PLUGINS = {
    "azure_storage_key": "AzureStorageKeyDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "jwt": "JwtTokenDetector",
    "openai": "OpenAIDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}

#: Keys that those plugins do not know, or know only within code.
_KEYS = (
    r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b",
    r"sk-ant-[A-Za-z0-9_-]{20,}",
    r"sk-(?:proj-)?[A-Za-z0-9_-]{40,}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"npm_[A-Za-z0-9]{36}",
    r"hf_[A-Za-z]{34}",
)

_PEM = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"
    r"(?:(?:[^-]|-[^-])*-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|[A-Za-z0-9+/=\s>]*)"
)

#: A password, or a key, named in words or in a header; what follows is the value.
_NAMED = (
    r"(?i:\bpass(?:word|wd|wort|code|phrase)|\bpwd|\bapi[ _-]?key|\b(?:access|auth|secret)[ _-]?(?:key|token)"
    r"|\bclient[ _-]?secret|\b_authToken)[\"']?\s{0,3}(?:(?i:is)\b|:=|[:=])\s{0,3}[\"']?"
    r"|(?i:\bauthorization:\s*(?:bearer|basic)\s+)"
)

#: Name and password in an address.
_LOGIN = r"(://[^\s:/@]+:)([^\s/@]{3,200})@"

#: Marks around a find. No text has them afterwards: they are noncharacters.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"

#: Where a key may be: that is cheap to look for, and rare.
_HINTS = (
    r"\b(?:AKIA|ASIA|A3T|ABIA|ACCA|AIza|sk-|sk_live|rk_live|gh[pousr]_|github_pat_|eyJ|xox[abpors]-"
    r"|gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941|SG\.|sq0csp|pypi-|npm_|hf_|AccountKey|AC[a-z0-9]{32}|SK[a-z0-9]{32}|\d{8,10}:[\w-]{35}|[MNO][\w-]{23,25}\.[\w-]{6}\.)"
    r"|(?i:hooks\.slack)|PRIVATE KEY"
)

_REST = re.compile(r"[\w+/=.~-]*")


def finder(texts: pa.Array) -> Iterator[tuple[int, list[Hit]]]:
    """The secrets in *texts*: the row and its hits, for rows that have some."""
    value = rf"({_NAMED})([^\s\"'<>{_OPEN}{_CLOSE}]{{6,}})"
    hits: dict[int, list[Hit]] = {}
    for row, text in _with_marks(texts, _NAMED, value, rf"\1{_OPEN}\2{_CLOSE}"):
        hits.setdefault(row, []).extend(_named(text))
    for row, text in _with_marks(texts, _LOGIN, _LOGIN, rf"\1{_OPEN}\2{_CLOSE}@"):
        hits.setdefault(row, []).extend(Hit(start, start + len(found), found) for start, found, _ in _marked(text))
    for row, text in _with_marks(texts, _HINTS, None, rf"{_OPEN}\1{_CLOSE}"):
        hits.setdefault(row, []).extend(_keys(text))
    yield from ((row, found) for row, found in sorted(hits.items()) if found)


def _with_marks(texts: pa.Array, hint: str, pattern: str | None, marks: str) -> Iterator[tuple[int, str]]:
    """The rows of *texts* in which *hint* is found, with *marks* in the place of *pattern*; of all keys where it is None."""
    rows = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, hint), fill_value=False))
    if not len(rows):
        return
    some = pc.replace_substring_regex(texts.take(rows), f"[{_OPEN}{_CLOSE}]", "\ufffd")
    marked = pc.replace_substring_regex(some, pattern or f"({_patterns()})", marks)
    yield from zip(rows.to_pylist(), marked.to_pylist(), strict=True)


def _marked(text: str) -> Iterator[tuple[int, str, str]]:
    """What stands between marks in *text*: where it starts once they are gone, itself, and what follows it."""
    position = 0
    before, *pieces = text.split(_OPEN)
    position = len(before)
    for piece in pieces:
        inside, _, after = piece.partition(_CLOSE)
        yield position, inside, after
        position += len(inside) + len(after)


def _keys(text: str) -> Iterator[Hit]:
    for start, found, after in _marked(text):
        rest = _REST.match(after)
        whole = (found + (rest[0] if rest else "")).rstrip("." if not found.startswith("-----") else "")
        yield Hit(start, start + len(whole), whole)


def _named(text: str) -> Iterator[Hit]:
    """Values named in words. One without a digit is a word of the sentence."""
    for start, found, _ in _marked(text):
        value = found.rstrip(".,;:!?)]}")
        if len(value) >= 6 and "://" not in value and re.search(r"\d", value) and re.search(r"[^\W\d]", value):
            yield Hit(start, start + len(value), value)


@cache
def _patterns() -> str:
    """All keys as one RE2 pattern. Reads the plugins of detect-secrets, which takes 0.4 s, once a process."""
    plugins = [getattr(import_module(f"detect_secrets.plugins.{module}"), name) for module, name in _PLUGINS.items()]
    theirs = [_as_re2(pattern) for plugin in plugins for pattern in plugin.denylist]
    return "|".join([_PEM, rf"\b(?:{'|'.join([*theirs, *_KEYS])})"])


def _as_re2(pattern: re.Pattern[str]) -> str:
    """*pattern* without what RE2 does not know: a look ahead, repetitions of more than 1,000."""
    body = re.sub(r"\{(\d+),\d{4,}\}", r"{\1,}", pattern.pattern.replace(r"(?!\w)", r"\b"))
    return f"(?i:{body})" if pattern.flags & re.IGNORECASE else f"(?:{body})"
