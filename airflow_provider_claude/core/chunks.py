"""Streams, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def batched(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """*values* in lists of *size*; the last may be shorter. (`itertools.batched` is there from Python 3.12 on.)"""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
