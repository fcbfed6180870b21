"""What one would write oneself to send many messages at once: the SDK under a semaphore, and threads that retry.

Each takes the API's address, request bodies and how many may be in flight, and says what became of the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import anthropic
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

API_KEY = "sk-ant-simulated"
_PASSING = (
    anthropic.RateLimitError,
    anthropic.InternalServerError,
    anthropic.APIConnectionError,
)
Requests = Iterable[Mapping[str, Any]]


class Outcome(NamedTuple):
    """Rows *answered*, and *lost*: every try failed."""

    answered: int
    lost: int


def semaphore(base_url: str, requests: Requests, concurrency: int, *, max_retries: int = 2) -> Outcome:
    """`AsyncAnthropic` in tasks behind an `asyncio.Semaphore`, with the SDK's own retries (two, unless one asks)."""
    return asyncio.run(_semaphore(base_url, requests, concurrency, max_retries))


async def _semaphore(base_url: str, requests: Requests, concurrency: int, max_retries: int) -> Outcome:
    gate = asyncio.Semaphore(concurrency)
    async with anthropic.AsyncAnthropic(api_key=API_KEY, base_url=base_url, max_retries=max_retries) as client:

        async def send(request: Mapping[str, Any]) -> bool:
            async with gate:
                try:
                    await client.messages.create(**request)
                except anthropic.APIError:
                    return False
                return True

        return _outcome(await asyncio.gather(*map(send, requests)))


def threads(base_url: str, requests: Requests, concurrency: int, *, attempts: int = 3, max_retries: int = 0) -> Outcome:
    """As LangChain's `batch` with `with_retry`: a pool of threads, and tenacity's jittered waits of 1 s to 60 s.

    A row is tried *attempts* times, and each try *max_retries* times more by the SDK: LangChain leaves that at 2.
    """
    with (
        anthropic.Anthropic(api_key=API_KEY, base_url=base_url, max_retries=max_retries) as client,
        ThreadPoolExecutor(max_workers=concurrency) as pool,
    ):

        def send(request: Mapping[str, Any]) -> bool:
            retrying = Retrying(
                retry=retry_if_exception_type(_PASSING),
                wait=wait_exponential_jitter(),
                stop=stop_after_attempt(attempts),
                reraise=True,
            )
            try:
                retrying(client.messages.create, **request)
            except anthropic.APIError:
                return False
            return True

        return _outcome(list(pool.map(send, requests)))


def _outcome(done: list[bool]) -> Outcome:
    return Outcome(sum(done), len(done) - sum(done))
