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
    """One request, under the custom id of its answer. It asks about *items* items, *in_result*: in a tool result.

    An *urgent* one stays in the lane where others go to a batch; all urgent ones come first.
    """

    custom_id: str
    params: bytes
    items: int = 1
    urgent: bool = False
    in_result: bool = False


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The settings of a lane. *until*: the epoch second by which answers are wanted, None for no such moment.

    *in_flight*: the most concurrent requests. *reserve*: the share of the limits that is left to others.
    *shed_until*: until when (epoch seconds) the remaining requests that are not urgent may go by batch, if the lane has to slow
    down for minutes.
    """

    until: float | None = None
    in_flight: int = int(CEILING)
    reserve: float = 0.1
    shed_until: float = -math.inf
