"""A request of the sync lane, and how fast the lane goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.gateway.async_client import Message


class Api(Protocol):
    """What the lane needs of the asynchronous gateway."""

    async def create_message(self, params: bytes) -> Message: ...


class Request(NamedTuple):
    """One request, under the custom id that its answer is kept by. It asks about so many *items*.

    An *urgent* one stays in the lane where others are left to a batch; all of these come before the others.
    """

    custom_id: str
    params: bytes
    items: int = 1
    urgent: bool = False


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How the lane goes. *until*: the epoch second by which answers are wanted, None for no such moment.

    *in_flight*: the most requests under way at once. *reserve*: the share of the limits that is left to others.
    *shed_until*: until when (epoch seconds) what is left and not urgent may go by batch, where the lane has to slow down for
    minutes.
    """

    until: float | None = None
    in_flight: int = int(CEILING)
    reserve: float = 0.1
    shed_until: float = -math.inf
