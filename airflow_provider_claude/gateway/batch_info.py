"""A Message Batch as the API describes it, and the body that creates one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec


class Body(Protocol):
    """A request body of known length that can be sent again from its start."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


_SPELLING = {"status": "processing_status", "counts": "request_counts"}


class BatchInfo(msgspec.Struct, frozen=True, kw_only=True, rename=_SPELLING):
    """A Message Batch as the API describes it. Counts stay in `processing` until it has ended.

    *retry_after*: the seconds until the next look that the API asks for, with a batch that has not ended.
    """

    id: str
    status: str
    counts: dict[str, int]
    created_at: str
    expires_at: str
    ended_at: str | None = None
    retry_after: float | None = None
