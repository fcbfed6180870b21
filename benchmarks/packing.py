"""Packing, at its worst: ROWS short messages with 1, 5 and 20 items a request, on a simulator that mixes up, drops, repeats
and forges elements of packed answers.

`ROWS=2000 SLIP=0.05 python -m benchmarks.packing` prints a table. An answer is right if it is what the simulator says to the same
message alone; there it is a function of the text, so any other answer is another message's.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.workload import MODEL, SYSTEM, write_mails

#: The share of elements that meets each slip.
SLIP = float(os.environ.get("SLIP", "0.05"))
SLIPS = dict.fromkeys(("pack_mix", "pack_drop", "pack_repeat", "pack_forge"), SLIP)
PACKS = (1, 5, 20)

#: A system prompt with examples, as one writes it when labels have to be consistent.
LONG = SYSTEM + "".join(
    f"\nExample {n}: a customer who waits for parcel {n} and has heard nothing for days is negative, and waits for a reply."
    for n in range(40)
)
_HEAD = "| prompt | k | rows answered | wrong | as for k=1 | ids mixed up, caught | requests | USD, all | per 1,000 |"


class Label(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]
    confidence: float = Field(ge=0, le=1)
    topic: str = Field(max_length=80)


def main() -> int:
    rows = int(os.environ.get("ROWS", "2000"))
    folder = Path(tempfile.mkdtemp(prefix="claude-packing-"))
    try:
        texts = folder / "short.parquet"
        _write_short(folder / "mails.parquet", texts, rows)
        print(_HEAD)
        print("|---|---|---|---|---|---|---|---|---|")
        wrong = 0
        for name, system in (("short", SYSTEM), ("long", LONG)):
            truth: dict[str, tuple[Any, ...]] = {}
            for pack in PACKS:
                night = _Night(folder / f"{name}-{pack}", texts, system, pack)
                truth = truth or night.answers
                wrong += night.wrong(truth)
                print(night.line(name, truth), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def _write_short(mails: Path, path: Path, rows: int) -> None:
    """The first sentences of ordinary mails, each a message of its own."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    write_mails(mails, rows)
    table = pq.read_table(mails, columns=["id", "subject", "body"])
    body = pc.utf8_slice_codeunits(table["body"], 0, 160)
    numbered = pc.binary_join_element_wise(table["id"], table["subject"], body, ". ")
    pq.write_table(table.select(["id"]).append_column("message", numbered), path)


class _Night:
    """One run of all rows, *pack* of them a request, settled to the end."""

    def __init__(self, folder: Path, texts: Path, system: str, pack: int) -> None:
        import anthropic

        from airflow_provider_claude.gateway.client import Gateway
        from airflow_provider_claude.job import ClaudeJob

        self.pack = pack
        self.job = ClaudeJob(
            model=MODEL, system=system, prompt="<message>{message}</message>", output=Label, max_tokens=128
        )
        with SimulatorProcess(pace="instant") as claude:
            claude.behaviour(**SLIPS)
            client = anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key)
            self.run(folder, texts, Gateway(lambda: client))
            self.books = claude.books()["total"]

    def run(self, folder: Path, texts: Path, gateway: Any) -> None:
        from upath import UPath

        from airflow_provider_claude.core.packing.packing import packing_of
        from airflow_provider_claude.sources.source import open_source
        from airflow_provider_claude.stages.load.run import load
        from airflow_provider_claude.stages.plan.plan_settings import Settings
        from airflow_provider_claude.stages.plan.run import plan
        from airflow_provider_claude.stages.scan.run import scan
        from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
        from airflow_provider_claude.stages.submit.run import create
        from airflow_provider_claude.store import RunFolder

        run = RunFolder(UPath(folder))
        scan(open_source(UPath(texts), columns=["message"]), run, ScanSettings(text_columns=["message"]), clock=_now)
        settings = Settings(trial=False, pack=packing_of(self.pack))
        shards = [run.shard(one.number) for one in plan(run, self.job, gateway, settings=settings, clock=_now).shards]
        self.mixed = 0
        for shard in shards:
            create(shard, gateway, clock=_now)
            load(shard, self.job, gateway, clock=_now)
            self.mixed += _mixed(shard.file("unresolved.parquet"))
            _settle(shard, self.job, gateway)
        self.answers = {row["item_id"]: _answer(row) for path in run.parts("answers") for row in _read(path)}
        self.rows = sum(loaded.rows for shard in shards if (loaded := shard.loaded()))
        self.cost = sum((Decimal(loaded.cost_usd) for shard in shards if (loaded := shard.loaded())), Decimal(0))

    def wrong(self, truth: dict[str, tuple[Any, ...]]) -> int:
        return sum(answer != truth[name] for name, answer in self.answers.items())

    def line(self, name: str, truth: dict[str, tuple[Any, ...]]) -> str:
        if self.cost != Decimal(self.books["cost_usd"]):
            raise SystemExit(f"our books say {self.cost} USD, the API's {self.books['cost_usd']}")
        same = len(self.answers) - self.wrong(truth)
        return (
            f"| {name} | {self.pack} | {len(self.answers):,} of {self.rows:,} | {self.wrong(truth)} | {same / self.rows:.1%} "
            f"| {self.mixed:,} | {self.books['requests']:,} | {self.cost:.4f} | {1000 * self.cost / self.rows:.4f} |"
        )


def _settle(shard: Any, job: Any, gateway: Any) -> None:
    from airflow_provider_claude.stages.settle.run import Settled, Settling

    while not isinstance(Settling(shard=shard, job=job, api=gateway, clock=_now).go_on(), Settled):
        time.sleep(0.2)


def _read(path: Any) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path.path).to_pylist()
    return iter(rows)


def _answer(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["sentiment"], row["confidence"], row["topic"]


def _mixed(path: Any) -> int:
    """The rows that came under another's id, of those that were asked first."""
    return sum("another check word" in row["reason"] for row in _read(path))


def _now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main())
