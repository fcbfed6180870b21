"""What one would write oneself to send many messages at once: the SDK under a semaphore, and threads that retry.

Each takes the API's address, request bodies and how many may be in flight, and says what became of the rows.
"""

from __future__ import annotations

import asyncio
import time
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
    """Rows *answered* and *lost* (every try failed), real *seconds*, and the 429s *refused* by the API."""

    answered: int
    lost: int
    seconds: float
    refused: int


class _Refusals:
    """Counts 429s, those the SDK retries by itself included."""

    def __init__(self) -> None:
        self.count = 0

    def see(self, response: Any) -> None:
        self.count += response.status_code == 429

    async def see_async(self, response: Any) -> None:
        self.see(response)


def semaphore(base_url: str, requests: Requests, concurrency: int, *, max_retries: int = 2) -> Outcome:
    """`AsyncAnthropic` in tasks behind an `asyncio.Semaphore`, with the SDK's own retries."""
    return asyncio.run(_semaphore(base_url, requests, concurrency, max_retries))


async def _semaphore(base_url: str, requests: Requests, concurrency: int, max_retries: int) -> Outcome:
    refusals, gate = _Refusals(), asyncio.Semaphore(concurrency)
    http_client = anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [refusals.see_async]})
    async with anthropic.AsyncAnthropic(
        api_key=API_KEY, base_url=base_url, max_retries=max_retries, http_client=http_client
    ) as client:

        async def send(request: Mapping[str, Any]) -> bool:
            async with gate:
                try:
                    await client.messages.create(**request)
                except anthropic.APIError:
                    return False
                return True

        start = time.perf_counter()
        done = await asyncio.gather(*map(send, requests))
    return _outcome(done, start, refusals)


def threads(base_url: str, requests: Requests, concurrency: int, *, attempts: int = 3) -> Outcome:
    """As LangChain's `batch` with `with_retry`: a pool of threads, and tenacity's jittered waits of 1 s to 60 s.

    The SDK's own retries are off: a row is tried *attempts* times.
    """
    refusals = _Refusals()
    http_client = anthropic.DefaultHttpxClient(event_hooks={"response": [refusals.see]})
    with (
        anthropic.Anthropic(api_key=API_KEY, base_url=base_url, max_retries=0, http_client=http_client) as client,
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

        start = time.perf_counter()
        done = list(pool.map(send, requests))
    return _outcome(done, start, refusals)


def _outcome(done: list[bool], start: float, refusals: _Refusals) -> Outcome:
    return Outcome(sum(done), len(done) - sum(done), time.perf_counter() - start, refusals.count)
