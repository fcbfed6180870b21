"""The headers of a mail as text: raw bytes, encoded words (RFC 2047), addresses, names of files (RFC 2231), dates.

Character sets are read by the rule of bodies (charset.py), not by the codecs of Python's own header parser: words are
rewritten as UTF-8 before that parser sees them. It raises in odd places, so each call of it is on its own.
"""

from __future__ import annotations

import binascii
import email.policy
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.errors import InvalidHeaderDefect
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple

from airflow_provider_claude.sources.charset.decoding import Decoded, attempt, decode, escaped, lookup, unescaped
from airflow_provider_claude.sources.mail.form import ADDRESSES, has_odd_words

#: Of longer lists of addresses only the words are decoded: splitting the addresses takes quadratic time.
_MAX_PARSED = 1_000

#: Zones that mail programs name, by minutes from UTC; of names that mean several, none (`IST`) or RFC 5322's (`CST`).
_ZONES_BY_MINUTES = {
    -600: "HST",
    -540: "AKST",
    -480: "PST AKDT",
    -420: "MST PDT",
    -360: "CST MDT",
    -300: "EST CDT",
    -240: "EDT",
    -180: "BRT ART",
    0: "WET UT UTC GMT Z",
    60: "WEST BST CET MEZ MET",
    120: "CEST MESZ MEST EET SAST",
    180: "EEST MSK",
    300: "PKT",
    420: "WIB",
    480: "HKT SGT AWST",
    540: "JST KST",
    570: "ACST",
    600: "AEST",
    630: "ACDT",
    660: "AEDT",
    720: "NZST",
    780: "NZDT",
}
_ZONES = {name: minutes for minutes, names in _ZONES_BY_MINUTES.items() for name in names.split()}

#: Of mail; a program without a clock writes others.
_YEARS = range(1900, 2100)

_header_value = email.policy.default.header_factory
_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bq])\?(.*?)\?=", re.IGNORECASE)
_ATOMS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_WORDS = r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*"
_SIMPLE = re.compile(
    rf'(?:(?:({_WORDS})|"({_WORDS})") +<({_ATOMS}@{_ATOMS})>)|<({_ATOMS}@{_ATOMS})>|({_ATOMS}@{_ATOMS})'
)
_SPECIAL = re.compile(r"[^\w\s'-]")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_FOLD = re.compile(r"\r?\n")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - easier to read
_PLAIN_DATE = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ((?:19|20)[0-9][0-9])"
    r" ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) ([+-])(0[0-9]|1[0-4])([0-5][0-9])(?: \([A-Z]{1,5}\))?"
)
_COMMENT = re.compile(r"\(([^()]*)\)")
_ZONE = re.compile(r"(?:\b(?![AaPp][Mm]\b)[A-Za-z]{1,5}\s?)?([+-])(\d{1,2}):?(\d{2})?\s*\Z|\b([A-Za-z]{1,5})\s*\Z")
_MIDDLE_ZONE = re.compile(r"\s*([A-Za-z]{1,5})\s+(\d{4})\s*\Z")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?")
_DOTTED_CLOCK = re.compile(r"(?<=\d{4} )(\d{1,2})\.(\d{2})(?:\.(\d{2}))?")
_HALF_DAY = re.compile(r"\s*([ap])\.?m\b\.?", re.IGNORECASE)


class Run(NamedTuple):
    """A piece of a header: plain text, or what words in one character set hold together."""

    text: str
    coded: bool


def unfolded(raw: Any, fallback: Callable[[], str | None] = lambda: None) -> Decoded:
    """The header *raw* on one line; its bytes beyond ASCII as UTF-8, else in the set *fallback* names, else in a guessed one."""
    text = str(raw)
    if (text.isascii() or not escaped(text)) and "\x1b$" not in text:
        return Decoded(_FOLD.sub("", text) if "\n" in text else text)
    data = unescaped(text)
    if "\x1b$" not in text and (utf8 := attempt(data, "utf-8")) is not None:
        return Decoded(_FOLD.sub("", utf8))
    text, flags = decode(data, fallback())
    return Decoded(_FOLD.sub("", text), tuple(dict.fromkeys(("charset_guessed", *flags))))


def readable(name: str, value: str) -> Decoded:
    """The unfolded header *value* as people read it. Flags: of decode(), and `header_defects`. Never raises."""
    if name in ADDRESSES and (simple := _simple_addresses(value)):
        return Decoded(simple)
    if name not in ADDRESSES and "=?" not in value:
        return Decoded(value)
    runs, flags = _runs(name, value)
    if has_odd_words(name, value):
        flags["header_defects"] = None
    if name not in ADDRESSES or len(value) > _MAX_PARSED:
        return Decoded("".join(run.text for run in runs), tuple(flags))
    text, broken = _addresses(name, "".join(map(_as_word, runs)))
    if text is None:
        text = "".join(run.text for run in runs)
    return Decoded(text, tuple(flags | dict.fromkeys(["header_defects"] if broken else [])))


@lru_cache(500)
def _addresses(name: str, value: str) -> tuple[str | None, bool]:
    """The addresses *value* as people read them, and whether they are malformed; None where they cannot be read."""
    try:
        parsed = _header_value(name, value)
        return str(parsed), any(isinstance(defect, InvalidHeaderDefect) for defect in parsed.defects)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it raises IndexError, AttributeError, ValueError, … on what people send
        return None, True


def filename(value: object) -> Decoded:
    """The name of a file as the parser gives it: a text, or a character set, a language and bytes as Latin-1."""
    if isinstance(value, tuple):
        text, flags = decode(str(value[2]).encode("latin-1", "replace"), value[0] or None)
        return Decoded(text, flags if not value[0] or lookup(value[0]) else ("header_defects",))
    return unfolded(value or "")


def instant(value: str) -> tuple[str | None, str | None]:
    """The date *value* in UTC as ISO 8601, and a flag: `date_unreadable`, or `date_zone_guessed` where it names no zone,
    or none that is known, so that it was taken for UTC.
    """
    if plain := _plain_instant(value):
        return plain, None
    sent, flag = _iso(value.strip()) or _mail_date(value)
    if sent is None or sent.year not in _YEARS:
        return None, "date_unreadable"
    return sent.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), flag


def _simple_addresses(value: str) -> str | None:
    """*value* as the parser would give it back, where it lists but addresses that need no parser: most do, and it is slow."""
    found = [_SIMPLE.fullmatch(one.strip()) for one in value.split(",")] if len(value) < _MAX_PARSED else []
    if not all(found):
        return None
    return ", ".join(one[4] or one[5] or f"{one[1] or one[2]} <{one[3]}>" for one in found if one) or None


def _runs(name: str, value: str) -> tuple[list[Run], dict[str, None]]:
    """*value* in pieces, with the bytes of neighbouring words put together, as senders cut characters in two."""
    runs: list[Run] = []
    flags: dict[str, None] = {}
    at, words = 0, list[re.Match[str]]()
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        if not (words and between.isspace() and lookup(word[1]) == lookup(words[0][1])):
            runs += _decoded(words, flags)
            runs += [] if at and (between.isspace() or not between) else [Run(between, coded=False)]
            words = []
        words.append(word)
        if name == "subject" and between.strip() and not between[-1:].isspace():
            flags["header_defects"] = None
        at = word.end()
    runs += _decoded(words, flags)
    return [*runs, Run(value[at:], coded=False)], flags


def _decoded(words: list[re.Match[str]], flags: dict[str, None]) -> list[Run]:
    """The text of *words* in one character set."""
    if not words:
        return []
    charset = words[0][1]
    text, found = decode(_bytes_of(words), charset)
    flags.update(dict.fromkeys(found if lookup(charset) else ["header_defects"]))
    return [Run(text, coded=True)]


def _bytes_of(words: list[re.Match[str]]) -> bytes:
    """What *words* hold. Base64 that ends between two bytes without padding continues in the next word."""
    data, letters = b"", ""
    for word in words:
        if word[2] in "qQ":
            data, letters = data + _from_base64(letters) + _from_quoted(word[3]), ""
            continue
        letters += _NOT_BASE64.sub("", word[3])
        if "=" in word[3] or len(letters) % 4 == 0:
            data, letters = data + _from_base64(letters), ""
    return data + _from_base64(letters)


def _from_quoted(text: str) -> bytes:
    return binascii.a2b_qp(text.encode("utf-8", "replace"), header=True)


def _from_base64(letters: str) -> bytes:
    whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))


def _as_word(run: Run) -> str:
    """*run* as it is, where nothing in it has a meaning in a list of addresses, else as a word in UTF-8."""
    if not _SPECIAL.search(run.text):
        return run.text
    return (
        f"=?utf-8?b?{b64encode(run.text.encode('utf-8', 'replace')).decode()}?=" if run.coded and run.text else run.text
    )


def _plain_instant(value: str) -> str | None:
    """instant() of a date as most programs write it, which needs no care."""
    found = _PLAIN_DATE.fullmatch(value)
    if found is None:
        return None
    day, month, year, hours, minutes, seconds, sign, zone_hours, zone_minutes = found.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        local = datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hours), int(minutes), int(seconds))  # noqa: DTZ001
    except ValueError:  # a 31st of June
        return None
    return f"{(local + offset if sign == '-' else local - offset).isoformat()}Z"


def _iso(value: str) -> tuple[datetime, str | None] | None:
    if not re.match(r"\d{4}-\d\d?-\d\d?[T ]", value):
        return None
    try:
        sent = datetime.fromisoformat(re.sub(r"\s+(?=[+-])", "", value))
    except ValueError:
        return None
    return sent.replace(tzinfo=sent.tzinfo or UTC), None if sent.tzinfo else "date_zone_guessed"


def _mail_date(value: str) -> tuple[datetime | None, str | None]:
    """A date of RFC 5322, or what is near to one."""
    bare = _COMMENT.sub(" ", value).strip()
    zone, rest = _zone(bare)
    if zone is None and (comment := _COMMENT.search(value)):
        zone = _zone(f"0 {comment[1]}")[0]
    clock = _CLOCK.search(rest) or _DOTTED_CLOCK.search(rest)
    if clock is None:
        return None, "date_unreadable"
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    after = rest[clock.end() :]
    if half := _HALF_DAY.match(after):
        hours, after = hours % 12 + 12 * (half[1] in "pP"), after[half.end() :]
    if zone is None and (middle := _MIDDLE_ZONE.match(after)):
        zone, after = _ZONES.get(middle[1].upper()), middle[2]
    day = f"{rest[: clock.start()]} 00:00:00 {after} +0000"
    try:
        sent = parsedate_to_datetime(day)
        sent = sent.replace(year=sent.year + (1900 if 100 <= sent.year < 200 else 0)) + _time(hours, minutes, seconds)
        known = timezone(timedelta(minutes=zone or 0))
        return sent.replace(tzinfo=known), None if zone is not None else "date_zone_guessed"
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it raises IndexError, TypeError, ValueError, … on what people send
        return None, "date_unreadable"


def _time(hours: int, minutes: int, seconds: int) -> timedelta:
    """The time of a day, midnight at its end and a leap second among them. Raises ValueError."""
    if minutes > 59 or seconds > 60 or (hours, minutes, seconds) > (24, 0, 0):
        raise ValueError(hours, minutes, seconds)
    return timedelta(hours=hours, minutes=minutes, seconds=min(seconds, 59))


def _zone(value: str) -> tuple[int | None, str]:
    """The minutes from UTC that *value* ends with, None where it names no known zone; and what stands before."""
    found = _ZONE.search(value)
    if found is None:
        return None, value
    sign, hours, minutes, alone = found.groups()
    if alone is not None and alone.upper() in {"AM", "PM"}:
        return None, value
    if alone is not None:
        return _ZONES.get(alone.upper()), value[: found.start()]
    offset = (int(hours) * 60 + int(minutes or 0)) * (-1 if sign == "-" else 1)
    return offset, value[: found.start()]
