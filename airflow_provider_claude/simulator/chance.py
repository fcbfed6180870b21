"""Seeded chance: a draw depends on the seed and on names, never on the order of requests."""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def digest(*parts: str | int | bytes) -> int:
    """A 64-bit number that only these *parts*, in this order, give."""
    return int.from_bytes(blake2b(_joined(parts), digest_size=8).digest(), "big")


def chance(*parts: str | int | bytes) -> Random:
    """A generator of its own for these *parts*."""
    return Random(digest(*parts))


def identifier(prefix: str, *parts: str | int | bytes) -> str:
    """An opaque id such as `msgbatch_01ab…`, the same for the same *parts*."""
    return f"{prefix}_01{blake2b(_joined(parts), digest_size=11).hexdigest()}"


def _joined(parts: tuple[str | int | bytes, ...]) -> bytes:
    return b"\0".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)
