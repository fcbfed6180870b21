"""The bill: who was charged for what, and what was charged twice. Sums only; the rows are on disk."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

from msgspec import Struct

from airflow_provider_claude.simulator.model.catalogue import Model
from airflow_provider_claude.simulator.model.prompt_cache import Split
from airflow_provider_claude.simulator.model.request_params import Channel
from airflow_provider_claude.simulator.world.money import dollars, picodollars

#: How many doubly billed contents are shown.
EXAMPLES = 20
#: Digests held in memory before a write, 8 bytes each.
_PENDING = 4096


class Bill(Struct):
    """Sums over billed requests. *free* counts answers that cost nothing (refusals before any output)."""

    requests: int = 0
    free: int = 0
    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    output_tokens: int = 0
    picodollars: int = 0

    def add(
        self,
        model: Model,
        channel: Channel,
        split: Split,
        output_tokens: int,
        *,
        billed: bool = True,
        geo: str | None = None,
    ) -> None:
        """Book one answered request."""
        if not billed:
            self.free += 1
            return
        self.requests += 1
        self.input_tokens += split.fresh
        self.cache_read_input_tokens += split.read
        self.cache_creation_5m_input_tokens += split.write_5m
        self.cache_creation_1h_input_tokens += split.write_1h
        self.output_tokens += output_tokens
        self.picodollars += picodollars(model, channel, split, output_tokens, geo)

    def __add__(self, other: Bill) -> Bill:
        return Bill(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def describe(self) -> dict[str, Any]:
        """The bill as the control plane shows it; `cost_usd` is a decimal string."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if name != "picodollars"}
        return {**shown, "cost_usd": dollars(self.picodollars)}


class Digests:
    """Digests of what was billed, in the file *path*; the last few are in memory until `flush`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: array[int] = array("Q")

    def add(self, content: int) -> None:
        """Note one billed content."""
        self._pending.append(content)
        if len(self._pending) >= _PENDING:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if self._pending:
            with self.path.open("ab") as file:
                self._pending.tofile(file)
            del self._pending[:]

    def clear(self) -> None:
        """Forget everything."""
        del self._pending[:]
        self.path.unlink(missing_ok=True)


def billed_twice(files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How often the same content was billed more than once, over files of sorted 64-bit digests.

    *files*: (who, path). `requests` counts the billings beyond the first. Holds one number of each file at a time
    besides the files themselves, 8 bytes a request.
    """
    extra = 0
    examples: list[dict[str, Any]] = []
    merged = heapq.merge(*(_read(who, Path(path)) for who, path in files))
    for content, group in groupby(merged, key=itemgetter(0)):
        owners = Counter(who for _, who in group)
        times = owners.total()
        if times > 1:
            extra += times - 1
            examples.append({"content": f"{content:016x}", "times": times, "by": dict(owners)})
            del examples[EXAMPLES:]
    return {"requests": extra, "examples": examples}


def _read(who: str, path: Path) -> Iterator[tuple[int, str]]:
    digests: array[int] = array("Q", path.read_bytes()) if path.exists() else array("Q")
    return ((digest, who) for digest in _sorted(digests))


def _sorted(digests: array[int]) -> Iterable[int]:
    return digests if all(a <= b for a, b in pairwise(digests)) else sorted(digests)
