"""How long an answer may be taken again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Days: as old as results of the API itself can get
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
REUSE_DAYS = 29.0
MOST_DAYS = 3_650.0


def reuse_since(now: str, days: float) -> str:
    """The oldest creation an answer may have to be taken again: the future, where none may."""
    moment = datetime.fromisoformat(now)
    return (moment - timedelta(days=days) if days > 0 else moment + timedelta(days=366)).astimezone(UTC).isoformat()
