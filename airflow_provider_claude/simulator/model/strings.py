"""Strings to a specification: formats, simple regular expressions, and excerpts of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from string import ascii_lowercase
from typing import Any
from uuid import UUID

from airflow_provider_claude.simulator.http_errors import InvalidRequestError

StringMaker = Callable[[Random], str]


def excerpt(text: str, words: int) -> str:
    """The first *words* words of *text* on one line, "no text" if it has none."""
    return " ".join(text.split(None, words)[:words])[:200] or "no text"


def _date(rng: Random) -> str:
    return f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def _time(rng: Random) -> str:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}Z"


def _word(rng: Random) -> str:
    return "".join(rng.choices(ascii_lowercase, k=6))


def _octets(rng: Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


#: One maker for each string format of structured outputs.
FORMATS: dict[str, StringMaker] = {
    "date-time": lambda rng: f"{_date(rng)}T{_time(rng)}",
    "date": _date,
    "time": _time,
    "duration": lambda rng: f"P{rng.randint(1, 30)}DT{rng.randint(1, 23)}H",
    "email": lambda rng: f"{_word(rng)}@example.com",
    "hostname": lambda rng: f"{_word(rng)}.example.com",
    "uri": lambda rng: f"https://example.com/{_word(rng)}",
    "ipv4": _octets,
    "ipv6": lambda rng: f"2001:db8::{rng.randint(1, 65535):x}",
    "uuid": lambda rng: str(UUID(int=rng.getrandbits(128), version=4)),
}

_CATEGORIES = {
    codes.CATEGORY_DIGIT: "0123456789",
    codes.CATEGORY_WORD: ascii_lowercase + "0123456789_",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_DIGIT: ascii_lowercase,
    codes.CATEGORY_NOT_WORD: "-. ",
    codes.CATEGORY_NOT_SPACE: ascii_lowercase + "0123456789",
}
_ANCHORS = {codes.AT_BEGINNING, codes.AT_END, codes.AT_BEGINNING_STRING, codes.AT_END_STRING}
_PRINTABLE = [chr(code) for code in range(32, 127)]


def compile_pattern(pattern: str) -> StringMaker:
    """A maker of strings that match the regular expression.

    Raises InvalidRequestError for what is not simple: look-around, back-references, word boundaries.
    """
    try:
        parsed = parser.parse(pattern)
    except (re.error, OverflowError) as error:
        raise InvalidRequestError(f"output_config.format.schema: pattern {pattern!r}: {error}") from error
    return _sequence(pattern, parsed)


def _sequence(pattern: str, parsed: Any) -> StringMaker:
    makers = [_part(pattern, code, argument) for code, argument in parsed]
    return lambda rng: "".join(make(rng) for make in makers)


def _part(pattern: str, code: Any, argument: Any) -> StringMaker:
    match code:
        case codes.SUBPATTERN:
            return _sequence(pattern, argument[3])
        case codes.BRANCH:
            branches = [_sequence(pattern, branch) for branch in argument[1]]
            return lambda rng: rng.choice(branches)(rng)
        case codes.MAX_REPEAT | codes.MIN_REPEAT:
            return _repeat(pattern, argument)
        case codes.AT if argument in _ANCHORS:
            return lambda _rng: ""
    letters = _alternatives(pattern, code, argument)
    return lambda rng: rng.choice(letters)


def _alternatives(pattern: str, code: Any, argument: Any) -> Sequence[str]:
    match code:
        case codes.LITERAL:
            return chr(argument)
        case codes.NOT_LITERAL:
            return "b" if argument == ord("a") else "a"
        case codes.ANY:
            return ascii_lowercase
        case codes.IN:
            return _letters(argument)
    raise InvalidRequestError(f"output_config.format.schema: pattern {pattern!r} is not supported")


def _repeat(pattern: str, argument: Any) -> StringMaker:
    low, high, inner = argument
    make = _sequence(pattern, inner)
    most = min(int(high), low + 3)  # `high` may be unbounded
    return lambda rng: "".join(make(rng) for _ in range(rng.randint(low, most)))


def _letters(items: Any) -> list[str]:
    letters: list[str] = []
    negated = False
    for code, argument in items:
        match code:
            case codes.NEGATE:
                negated = True
            case codes.LITERAL:
                letters.append(chr(argument))
            case codes.RANGE:
                letters.extend(map(chr, range(argument[0], min(argument[1], argument[0] + 200) + 1)))
            case codes.CATEGORY:
                letters.extend(_CATEGORIES[argument])
    return [letter for letter in _PRINTABLE if letter not in letters] if negated else letters
