"""Times of records and of the API, which are ISO 8601 texts."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime:
    """*text* as an aware datetime; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def epoch(text: str) -> float:
    """*text* in epoch seconds."""
    return parse_time(text).timestamp()


def utc_clock(seconds: float) -> str:
    """An epoch second as a clock shows it that nobody has set to a zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M UTC")
