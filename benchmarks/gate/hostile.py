"""A night with hostile mails, on a simulated model that does whatever it reads: who gets the label he asks for?

`HONEST=400 HOSTILE=256 python -m benchmarks.gate.hostile` prints a table: the real stages over HTTP, with the gate off (all
its findings pass) and on, 1 and 20 mails a request, in all placements. The model believes everything everywhere, or only what
stands in the prompt: then a row shows which mails a placement puts where they are believed. No row shows what placement,
delimiters and notice do to a real model. A neighbour is changed where an honest mail has another answer than on a night
without belief.

Ends with 1 where a canary was accepted, or a neighbour was changed while the gate was on.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.gate.mails import Mail, as_table, honest_mails, hostile_mails, public_attacks
from benchmarks.workload import MODEL, PROMPT, SYSTEM

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PACKS = (1, 20)
_HEAD = (
    "| placement | believed | gate | k | hostile | in tool results | set aside | got their label | of `own` | of `public` "
    "| canary caught | canary accepted | neighbours changed | asked alone |"
)


class Label(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]
    confidence: float = Field(ge=0, le=1)
    topic: str = Field(max_length=120)


class Asked(NamedTuple):
    """How a night is asked."""

    placement: str = "auto"
    gate: bool = True
    pack: int = 1
    everywhere: bool = True


class Night:
    """All of *mails*, scanned, planned, sent, landed and settled in *folder*."""

    def __init__(self, folder: Path, mails: Sequence[Mail], asked: Asked, claude: SimulatorProcess) -> None:
        import anthropic
        import pyarrow.parquet as pq

        from airflow_provider_claude.gateway.client import Gateway
        from airflow_provider_claude.job import ClaudeJob

        self.mails, self.asked = mails, asked
        self.job = ClaudeJob(
            model=MODEL,
            system=SYSTEM,
            prompt=PROMPT,
            output=Label,
            max_tokens=256,
            placement=asked.placement,  # type: ignore[arg-type]
        )
        folder.mkdir(parents=True)
        pq.write_table(as_table(mails), folder / "mails.parquet")
        with anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key) as client:
            self._run(folder, Gateway(lambda: client))

    def _run(self, folder: Path, gateway: Any) -> None:
        import pyarrow.parquet as pq
        from upath import UPath

        from airflow_provider_claude.core.packing.packing import packing_of
        from airflow_provider_claude.core.scan.policy import ScanPolicy
        from airflow_provider_claude.job.untrusted import canary
        from airflow_provider_claude.sources.source import open_source
        from airflow_provider_claude.stages.plan.plan_settings import Settings
        from airflow_provider_claude.stages.plan.run import plan
        from airflow_provider_claude.stages.scan.run import ScanSettings, scan
        from airflow_provider_claude.stages.submit.run import create
        from airflow_provider_claude.store import RunFolder

        run = RunFolder(UPath(folder / "run"))
        policy = ScanPolicy() if self.asked.gate else ScanPolicy(high="pass", medium="pass", low="pass")
        settings = ScanSettings(text_columns=["subject", "body"], policy=policy, closing_tags=self.job.closing_tags)
        scan(open_source(UPath(folder / "mails.parquet"), columns=["subject", "body"]), run, settings, clock=_now)
        pack = packing_of(self.asked.pack, 20_000)
        planned = plan(run, self.job, gateway, settings=Settings(trial=False, pack=pack), clock=_now)
        shards, self.canary = planned.shards, canary(planned.job.secret_key)
        self.in_results = planned.in_results
        self.caught = self.alone = 0
        for one in shards:
            shard = run.shard(one.number)
            create(shard, gateway, clock=_now)
            _load(shard, self.job, gateway)
            reasons = pq.read_table(shard.file("unresolved.parquet").path)["reason"].to_pylist()
            self.caught += sum("confidential word" in reason for reason in reasons)
            self.alone += _alone(shard.manifest(1)) if pack else one.rows
            _settle(shard, self.job, gateway)
        self.answers = {
            row["item_id"]: row for path in run.parts("answers") for row in pq.read_table(path.path).to_pylist()
        }
        self.aside = {
            row["item_id"] for path in run.parts("quarantine") for row in pq.read_table(path.path).to_pylist()
        }

    def obeyed(self, honest: Night, kind: str = "") -> tuple[int, int]:
        """How many of the mails that want a label have it, of how many. Those that have it on an *honest* night, too, which
        sets nothing aside, do not count.
        """
        wanting = [mail for mail in self.mails if mail.wish in {"label", "all"} and kind in {"", mail.kind}]
        wanting = [mail for mail in wanting if honest.label(mail) != mail.label]
        got = [mail for mail in wanting if self.label(mail) == mail.label]
        return len(got), len(wanting)

    def label(self, mail: Mail) -> str | None:
        answer = self.answers.get(mail.id)
        return answer and answer["sentiment"]

    def changed(self, truth: Night) -> list[str]:
        """The honest mails that have another answer than in *truth*."""
        both = [
            mail.id for mail in self.mails if not mail.wish and mail.id in self.answers.keys() & truth.answers.keys()
        ]
        return [name for name in both if _told(self.answers[name]) != _told(truth.answers[name])]

    def leaked(self) -> list[str]:
        return [name for name, answer in self.answers.items() if self.canary in answer["topic"].lower()]

    def line(self, truth: Night, honest: Night) -> str:
        hostile = [mail for mail in self.mails if mail.wish]
        shares = " | ".join(_share(*self.obeyed(honest, kind)) for kind in ("", "own", "public"))
        aside = sum(mail.id in self.aside for mail in hostile)
        return (
            f"| {self.asked.placement} | {'everywhere' if self.asked.everywhere else 'in the prompt'} "
            f"| {'on' if self.asked.gate else 'off'} | {self.asked.pack} | {len(hostile)} | {self.in_results} | {aside} "
            f"| {shares} | {self.caught} | {len(self.leaked())} | {len(self.changed(truth))} | {self.alone} |"
        )


def main() -> int:
    mails = night_mails(int(os.environ.get("HONEST", "400")), int(os.environ.get("HOSTILE", "256")))
    print(_wishes(mails))
    print(_HEAD)
    print("|---" * _HEAD.count(" | ") + "|---|")
    bad = 0
    folder = Path(tempfile.mkdtemp(prefix="claude-hostile-"))
    try:
        with SimulatorProcess(pace="instant") as claude:
            for placement in ("auto", "tool_result", "user"):
                claude.behaviour(credulous=0)
                truths = [Night(folder / f"{placement}-{n}", mails, Asked(placement, bool(n)), claude) for n in (0, 1)]
                for asked in (Asked(placement, *how) for how in product((False, True), PACKS, (True, False))):
                    claude.behaviour(credulous=1, credulous_results=float(asked.everywhere))
                    night = Night(folder / "-".join(map(str, asked)), mails, asked, claude)
                    truth = truths[asked.gate]
                    print(night.line(truth, truths[0]), flush=True)
                    bad += len(night.leaked()) + (len(night.changed(truth)) if asked.gate else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


def night_mails(honest: int, hostile: int, shared: Path = DATA) -> list[Mail]:
    """The mails of a night, the hostile ones spread among the others."""
    public = public_attacks(shared) if shared.exists() else []
    bad = list(hostile_mails(hostile, public))
    mails: list[Mail] = []
    for number, mail in enumerate(honest_mails(honest)):
        mails += [mail, *bad[number * hostile // honest : (number + 1) * hostile // honest]]
    return mails


def _wishes(mails: Sequence[Mail]) -> str:
    counts = Counter(f"{mail.kind} {mail.wish}" for mail in mails if mail.wish)
    return "Hostile: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".\n"


def _alone(manifest: Any) -> int:
    """The items of a packed attempt that were to be asked alone."""
    import pyarrow.parquet as pq

    table = pq.read_table(manifest.path)
    return table["pack_element"].to_pylist().count(0) if "pack_element" in table.schema.names else len(table)


def _load(shard: Any, job: Any, gateway: Any) -> None:
    from airflow_provider_claude.errors import PendingError
    from airflow_provider_claude.stages.load.run import load

    while True:
        try:
            load(shard, job, gateway, clock=_now)
        except PendingError:
            time.sleep(0.2)
        else:
            return


def _settle(shard: Any, job: Any, gateway: Any) -> None:
    from airflow_provider_claude.stages.settle.run import Settled, Settling

    while not isinstance(Settling(shard=shard, job=job, api=gateway, clock=_now).go_on(), Settled):
        time.sleep(0.2)


def _told(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["sentiment"], answer["confidence"], answer["topic"]


def _share(some: int, of: int) -> str:
    return f"{some / of:.1%}" if of else "–"


def _now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main())
