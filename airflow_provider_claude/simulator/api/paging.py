"""Pages by cursor, as the list routes have them: `limit` 1 to 1000, default 20, `after_id` or `before_id`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from airflow_provider_claude.simulator.http_errors import InvalidRequestError

_Item = TypeVar("_Item")


class Cursor(NamedTuple):
    """Where a page starts, and how long it may be."""

    limit: int
    after: str | None
    before: str | None


def read_cursor(query: Mapping[str, str]) -> Cursor:
    """The cursor in a query string.

    Raises InvalidRequestError.
    """
    text = query.get("limit", "20")
    try:
        limit = int(text)
    except ValueError as error:
        raise InvalidRequestError(
            "limit: Input should be a valid integer, unable to parse string as an integer"
        ) from error
    if limit < 1:
        raise InvalidRequestError("limit: Input should be greater than or equal to 1")
    if limit > 1000:
        raise InvalidRequestError("limit: Input should be less than or equal to 1000")
    after, before = query.get("after_id"), query.get("before_id")
    if after and before:
        raise InvalidRequestError("Only one of before_id and after_id may be given")
    return Cursor(limit, after, before)


def page_of(items: Sequence[_Item], cursor: Cursor, key: Callable[[_Item], str]) -> tuple[list[_Item], bool]:
    """The page and whether there is more in its direction."""
    names = [key(item) for item in items]
    anchor = cursor.after or cursor.before
    if anchor is not None and anchor not in names:
        raise InvalidRequestError(f"Invalid cursor: {anchor}")
    if cursor.before is not None:
        end = names.index(cursor.before)
        start = max(0, end - cursor.limit)
        return list(items[start:end]), start > 0
    start = 0 if cursor.after is None else names.index(cursor.after) + 1
    return list(items[start : start + cursor.limit]), start + cursor.limit < len(items)
