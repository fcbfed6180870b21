"""The time now, as records and as triggers have it."""

from __future__ import annotations

import pendulum


def utc_now() -> str:
    """Now, as records have it: ISO 8601 in UTC."""
    return pendulum.now("UTC").isoformat()


def epoch_now() -> float:
    """Now, as triggers count: epoch seconds."""
    return float(pendulum.now("UTC").timestamp())
