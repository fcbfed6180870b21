"""Everything one simulator is: its knobs, its clock and its books. Handlers are given it; nothing here is global."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_claude.simulator.behaviour import Behaviour
from airflow_provider_claude.simulator.cache import PromptCache
from airflow_provider_claude.simulator.chance import chance, identifier
from airflow_provider_claude.simulator.clock import Clock
from airflow_provider_claude.simulator.crew import Crew
from airflow_provider_claude.simulator.errors import RateLimitedError
from airflow_provider_claude.simulator.faults import FaultBox
from airflow_provider_claude.simulator.ledger import Bill
from airflow_provider_claude.simulator.lifecycle import Batch, Ending, ending
from airflow_provider_claude.simulator.limits import Limits
from airflow_provider_claude.simulator.pace import Pace, parse_pace
from airflow_provider_claude.simulator.registry import Registry
from airflow_provider_claude.simulator.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.settle import SettleJob
from airflow_provider_claude.simulator.worker import Taken

#: Real seconds a look at a batch waits for results that are due, so that small batches never need a second look.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The knobs as set at the start; a reset returns to them.

    *api_key*: the only key accepted; None accepts any that does not start with "bad".
    *words*: how many words of a text its sentiment is read from.
    """

    pace: Pace = field(default_factory=lambda: parse_pace("instant"))
    speed: float = 1.0
    seed: int = 0
    tier: str = "unlimited"
    api_key: str | None = None
    words: int = WORD_LIMIT


class World:
    """The state of one simulator over the folder *root*."""

    def __init__(self, root: Path, options: Options) -> None:
        self.options = options
        self.registry = Registry(root)
        self.crew = Crew()
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._restore_knobs()

    def _restore_knobs(self) -> None:
        self.pace = self.options.pace
        self.seed = self.options.seed
        self.clock = Clock(self.options.speed)
        self.limits = Limits(self.options.tier)
        self.behaviour = Behaviour()
        self.progressive = False
        self.faults = FaultBox()
        self.cache = PromptCache()
        self.calls: Counter[str] = Counter()
        self.message_bill = Bill()
        self.serial = 0

    async def reset(self) -> None:
        """Back to the start: no batches, no books, no faults, the knobs as given on the command line."""
        for task in list(self._settling.values()):
            await task
        self.registry.clear()
        self.message_digests.unlink(missing_ok=True)
        self._restore_knobs()

    @property
    def message_digests(self) -> Path:
        """Digests of what was billed on the sync route."""
        return self.registry.root / "messages.bin"

    def next_id(self, prefix: str) -> str:
        """A new opaque id."""
        self.serial += 1
        return identifier(prefix, self.seed, self.serial)

    def check_queue(self, more: int) -> None:
        """Whether *more* requests may join the processing queue of the organization; its 429 text is a guess."""
        queued = sum(batch.total for batch in self.registry.newest_first() if batch.ended_at is None)
        if queued + more > self.limits.tier.queued:
            raise RateLimitedError(
                f"This batch of {more:,} requests would exceed your organization's limit of "
                f"{self.limits.tier.queued:,} requests in the Message Batches processing queue.",
                headers={"retry-after": "60"},
            )

    def open_batch(self, taken: Taken, body: Path, *, workspace: str, version: str, betas: list[str]) -> Batch:
        """A new batch for a body that was taken. Its id depends on its content and on how often that came before."""
        again = 0
        while (batch_id := identifier("msgbatch", self.seed, taken.salt, again)) in self.registry:
            again += 1
        salt = f"{taken.salt}-{again}"
        batch = Batch(
            id=batch_id,
            workspace=workspace,
            salt=salt,
            version=version,
            betas=betas,
            total=taken.total,
            created_at=self.clock.now(),
            duration=self.pace.duration(chance(self.seed, salt, "duration")),
            polls_needed=self.pace.polls,
        )
        self.registry.add(batch, body)
        return batch

    async def look(self, batch: Batch, *, patience: float = PATIENCE) -> None:
        """Let *batch* end if its time has come, and wait up to *patience* real seconds for its results."""
        if batch.ended_at is not None:
            return
        end = ending(batch, self.clock.now())
        if end is None and batch.id not in self._settling:
            return
        if batch.id not in self._settling and end is not None:
            self._settling[batch.id] = asyncio.create_task(self._settle(batch, end))
        if patience > 0:
            done, _ = await asyncio.wait([self._settling[batch.id]], timeout=patience)
            for task in done:
                task.result()

    async def _settle(self, batch: Batch, end: Ending) -> None:
        scope = f"{batch.workspace}/batch"
        folder = self.registry.folder(batch.id)
        try:
            settled = await self.crew.settle(self._job(batch, end, self.cache.warm(scope, batch.created_at)))
            self.cache.write(scope, settled.written, batch.created_at, end.at)
            (folder / "bill.json").write_bytes(msgspec.json.encode(settled.bill))
            batch.counts, batch.ended_at = settled.counts, end.at
            self.registry.save(batch)
        finally:
            del self._settling[batch.id]

    def _job(self, batch: Batch, end: Ending, warm: list[int]) -> SettleJob:
        folder = self.registry.folder(batch.id)
        return SettleJob(
            requests=str(folder / "requests.json"),
            results=str(folder / "results.jsonl"),
            billed_contents=str(folder / "contents.bin"),
            billed_requests=str(folder / "billed.bin"),
            seed=self.seed,
            salt=batch.salt,
            version=batch.version,
            betas=batch.betas,
            ending=end,
            behaviour=self.behaviour,
            warm=warm,
            words=self.options.words,
        )

    async def close(self) -> None:
        """Drop unfinished settlements and end the workers."""
        for task in list(self._settling.values()):
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)
        await self.crew.stop()

    def remember_billed(self, content: int) -> None:
        """Note the digest of one message billed on the sync route."""
        with self.message_digests.open("ab") as file:
            array("Q", [content]).tofile(file)

    async def books(self) -> dict[str, Any]:
        """Who was billed for what. Costs are decimal strings in USD.

        `billed_twice` counts batched requests with the same custom id *and* params that were billed again;
        `same_content` counts equal params whatever their id, messages of the sync route included.
        """
        bills = self.registry.bills()
        batches = sum(bills.values(), Bill())
        contents = [*self._digests(bills, "contents.bin"), ("messages", str(self.message_digests))]
        return {
            "batches": {name: bill.describe() for name, bill in bills.items()},
            "batches_total": batches.describe(),
            "messages": self.message_bill.describe(),
            "total": (batches + self.message_bill).describe(),
            "billed_twice": await self.crew.compare(self._digests(bills, "billed.bin")),
            "same_content": await self.crew.compare(contents),
        }

    def _digests(self, bills: Iterable[str], name: str) -> list[tuple[str, str]]:
        return [(batch_id, str(self.registry.folder(batch_id) / name)) for batch_id in bills]
