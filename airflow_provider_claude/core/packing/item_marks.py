"""The marks that identify an item in its request: an id before its text, and a check word after it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

CHECK_CHARS = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Marks(NamedTuple):
    """The marks of one item in its request."""

    id: str
    check: str


def marks(fingerprint: str, request: int, count: int) -> list[Marks]:
    """The marks of the *count* items in request number *request* of the attempt with *fingerprint*."""
    nonce = hashlib.sha256(f"{fingerprint}:{request}".encode()).hexdigest()[:8]
    checks: dict[str, None] = {}
    draw = 0
    while len(checks) < count:
        checks[_word(hashlib.sha256(f"{fingerprint}:{request}:{draw}".encode()).digest())] = None
        draw += 1
    return [Marks(f"{nonce}-{number}", check) for number, check in enumerate(checks, start=1)]


def _word(digest: bytes) -> str:
    number, letters = int.from_bytes(digest[:8], "big"), ""
    for _ in range(CHECK_CHARS):
        number, letter = divmod(number, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters
