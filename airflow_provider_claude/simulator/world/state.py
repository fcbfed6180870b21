"""Everything one simulator is: its knobs, its clock and its books. Handlers are given it; nothing here is global."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_claude.simulator.faults import FaultBox
from airflow_provider_claude.simulator.http_errors import RateLimitedError
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.chance import chance, identifier
from airflow_provider_claude.simulator.model.label_noise import LabelNoise
from airflow_provider_claude.simulator.model.prompt_cache import PromptCache
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.world.batch_life import Batch, Ending, ending
from airflow_provider_claude.simulator.world.bucket import MINUTE
from airflow_provider_claude.simulator.world.clock import Clock
from airflow_provider_claude.simulator.world.crew import Crew
from airflow_provider_claude.simulator.world.end_batch import SettleJob
from airflow_provider_claude.simulator.world.latency import Latency
from airflow_provider_claude.simulator.world.ledger import Bill, Digests
from airflow_provider_claude.simulator.world.pace import Pace, parse_pace
from airflow_provider_claude.simulator.world.rate_limits import Limits
from airflow_provider_claude.simulator.world.registry import Registry
from airflow_provider_claude.simulator.world.room import WaitingRoom
from airflow_provider_claude.simulator.world.traffic import Traffic
from airflow_provider_claude.simulator.world.worker import Taken

#: Real seconds a look at a batch waits for results that are due, so that small batches never need a second look.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The knobs as set at the start; a reset returns to them.

    *retry_after*: simulated seconds until the next look that a batch in progress asks for; 0 asks for none.
    *api_key*: the only key accepted; None accepts any that does not start with "bad".
    *words*: how many words of a text its sentiment is read from.
    *credulous*: the share of texts whose instructions are obeyed. *label_noise*: how unsteady labels are.
    *limits*: numbers instead of those of the *tier*; *burst*: seconds of a limit that can be used at once.
    """

    pace: Pace = field(default_factory=lambda: parse_pace("instant"))
    latency: Latency = field(default_factory=Latency)
    speed: float = 1.0
    retry_after: float = 10.0
    seed: int = 0
    tier: str = "unlimited"
    limits: Mapping[str, int] = field(default_factory=dict)
    burst: float = MINUTE
    api_key: str | None = None
    words: int = WORD_LIMIT
    credulous: float = 0.0
    label_noise: LabelNoise = field(default_factory=LabelNoise)


class World:
    """The state of one simulator over the folder *root*."""

    def __init__(self, root: Path, options: Options) -> None:
        self.options = options
        self.registry = Registry(root)
        self.crew = Crew()
        self.message_digests = Digests(root / "messages.bin")
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._restore_knobs()

    def _restore_knobs(self) -> None:
        options = self.options
        self.pace = options.pace
        self.latency = options.latency
        self.seed = options.seed
        self.clock = Clock(options.speed)
        self.room = WaitingRoom(self.clock)
        self.limits = Limits(options.tier, options.limits, options.burst)
        self.traffic = Traffic()
        self.behaviour = Behaviour(credulous=options.credulous)
        self.label_noise = options.label_noise
        self.progressive = False
        self.retry_after = options.retry_after
        self.faults = FaultBox()
        self.model_changes: dict[str, dict[str, Any]] = {}
        self.cache = PromptCache()
        self.calls: Counter[str] = Counter()
        self.message_bill = Bill()
        self.serial = 0

    async def reset(self) -> None:
        """Back to the start: no batches, no books, no faults, the knobs as given on the command line.

        Messages that wait for their answer are cut.
        """
        self.room.close()
        for task in list(self._settling.values()):
            await task
        self.registry.clear()
        self.message_digests.clear()
        self._restore_knobs()

    def advance(self, seconds: float) -> None:
        """Set the clock ahead by simulated *seconds*.

        Raises ValueError for less than none.
        """
        self.clock.advance(seconds)
        self.room.turned()

    def run_at(self, speed: float) -> None:
        """Let the clock run at *speed*.

        Raises ValueError for less than none.
        """
        self.clock.speed = speed
        self.room.turned()

    def pause(self) -> int:
        """What `retry-after` says: *retry_after* in whole seconds of the caller's clock, at least one."""
        return max(ceil(self.retry_after / self.clock.speed), 1) if self.clock.speed else 1

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
            self.cache.write(scope, settled.cached, end.at)
            (folder / "bill.json").write_bytes(msgspec.json.encode(settled.bill))
            batch.counts, batch.ended_at = settled.counts, end.at
            self.registry.save(batch)
        finally:
            del self._settling[batch.id]

    def _job(self, batch: Batch, end: Ending, warm: dict[int, float]) -> SettleJob:
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
            started=batch.created_at,
            behaviour=self.behaviour,
            warm=warm,
            words=self.options.words,
            label_noise=self.label_noise,
        )

    async def close(self) -> None:
        """Drop unfinished settlements and end the workers."""
        for task in list(self._settling.values()):
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)
        self.message_digests.flush()
        await self.crew.stop()

    def flow(self) -> dict[str, Any]:
        """What came in on the Messages route, what was refused, and how the others fared."""
        self.limits.catch_up(self.clock.now())
        return {**self.traffic.describe(), "others": self.limits.others.describe()}

    async def books(self) -> dict[str, Any]:
        """Who was billed for what. Costs are decimal strings in USD.

        `billed_twice` counts batched requests with the same custom id *and* params that were billed again;
        `same_content` counts equal params whatever their id, messages of the sync route included.
        """
        bills = self.registry.bills()
        batches = sum(bills.values(), Bill())
        self.message_digests.flush()
        contents = [*self._digests(bills, "contents.bin"), ("messages", str(self.message_digests.path))]
        return {
            "batches": {name: bill.describe() for name, bill in bills.items()},
            "batches_total": batches.describe(),
            "messages": self.message_bill.describe(),
            "total": (batches + self.message_bill).describe(),
            "billed_twice": await self.crew.compare(self._digests(bills, "billed.bin")),
            "same_content": await self.crew.compare(contents),
            "traffic": self.flow(),
        }

    def _digests(self, bills: Iterable[str], name: str) -> list[tuple[str, str]]:
        return [(batch_id, str(self.registry.folder(batch_id) / name)) for batch_id in bills]
