"""A row to look at."""

from __future__ import annotations

import msgspec


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was set aside or failed: the word and the sentence for it, and an excerpt of its text."""

    item_id: str
    reason: str
    detail: str
    excerpt: str
