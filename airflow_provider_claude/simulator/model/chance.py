"""Seeded chance: a draw depends on the seed and on names, never on the order of requests."""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from struct import unpack


def digest(*parts: str | int) -> int:
    """A 64-bit number that only these *parts*, in this order, give."""
    return content_digest(repr(parts).encode("utf-8", "surrogatepass"))


def content_digest(content: bytes) -> int:
    """A 64-bit number for these bytes."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def draws(*parts: str | int) -> tuple[float, ...]:
    """Six numbers from 0 to 1, quicker than a generator."""
    numbers = unpack("<6I", blake2b(repr(parts).encode(), digest_size=24).digest())
    return tuple(number / 2**32 for number in numbers)


def chance(*parts: str | int) -> Random:
    """A generator of its own for these *parts*."""
    return Random(digest(*parts))


def identifier(prefix: str, *parts: str | int) -> str:
    """An opaque id such as `msgbatch_01ab…`, the same for the same *parts*."""
    return f"{prefix}_01{blake2b(repr(parts).encode(), digest_size=11).hexdigest()}"
