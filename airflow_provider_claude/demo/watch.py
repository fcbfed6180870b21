"""Progress, read from the run folder alone: which files exist is the state."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_claude.store import RunFolder, ShardFolder


class Watch:
    """Prints each step of a run once, when its file has appeared."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._printed: set[str] = set()

    def news(self) -> Iterator[str]:
        """What has happened since the last call, one sentence each."""
        scan, plan = self._run.scan(), self._run.plan()
        if scan is not None and self._once("scan"):
            yield (
                f"scan    {scan.rows:,} mails read: {scan.items:,} to answer, {scan.duplicates:,} duplicates, "
                f"{scan.quarantined:,} set aside"
            )
        if plan is None:
            return
        if self._once("plan"):
            yield from (f"plan    {sentence}" for sentence in plan.explanation[1:])
        shards = [self._run.shard(spec.number) for spec in plan.shards if spec.lane == "batch"]
        for shard in shards:
            yield from self._shard(shard, len(shards))
        if self._run.file("report.json").exists() and self._once("report"):
            yield "report  written"

    def _shard(self, shard: ShardFolder, of: int) -> Iterator[str]:
        name = f"shard   {shard.number:>3} of {of}"
        for number in shard.attempts():
            intent, submitted = shard.intent(number), shard.submitted(number)
            if intent and submitted and self._once(f"{shard.number} submitted {number}"):
                sent = (
                    f"{intent.requests:,} request{'s' if intent.requests != 1 else ''} sent as {submitted.batch_id}"
                    if intent.requests
                    else "nothing to send"
                )
                yield f"{name}  {sent}" + (f" (round {intent.round})" if intent.round > 1 else "")
        loaded = shard.loaded()
        if loaded is not None and self._once(f"{shard.number} loaded {loaded.round}"):
            ends = ", ".join(f"{count:,} {outcome}" for outcome, count in loaded.outcomes.items())
            yield f"{name}  loaded: {ends}"

    def _once(self, what: str) -> bool:
        new = what not in self._printed
        self._printed.add(what)
        return new
