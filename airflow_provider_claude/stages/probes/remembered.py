"""What is remembered of packs of a job: the samples of its last runs, and what they show together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.pack_verdict import Verdict, together, verdict
from airflow_provider_claude.core.requests.reuse_age import reuse_since
from airflow_provider_claude.store import AccountFolder, PackingRecord


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """The *records* that count, oldest first, and the *verdict* on them."""

    records: Sequence[PackingRecord]
    verdict: Verdict

    def sentences(self) -> list[str]:
        """How many items share a request, why, and since when that is known; then what places and neighbours did."""
        items = self.verdict.items
        chosen = f"at most {items} items share a request" if items > 1 else "each item has a request of its own"
        since = f" Measured from {self.records[0].at[:10]} to {self.records[-1].at[:10]}." if self.records else ""
        more = "" if self.verdict.final else " The next runs go on measuring."
        return [f"pack='auto': {chosen}. {self.verdict.why}{since}{more}", *self._details()]

    def _details(self) -> Iterator[str]:
        for size, scores in together(record.scores for record in self.records).items():
            for one in scores:
                first, last = (_share(*one.places[place]) for place in (0, -1))
                yield (
                    f"Packs of {size}, {one.field}: {_share(*one.packed)} of the packed answers agree with those alone "
                    f"({first} in the first place, {last} in the last), and {_share(*one.alone)} of those alone with each other. "
                    f"Of {one.moved:,} that changed beside another value, {one.to_neighbour:,} became a neighbour's."
                )


def remembered(work: AccountFolder, job: str, auto: AutoPacking, now: str) -> Remembered:
    """What the last runs of the job with the hash *job* have measured: older samples than *auto* allows do not count."""
    records = sorted(work.packings(job, since=reuse_since(now, auto.days)), key=lambda record: record.at)
    wanted = [
        [score for score in record.scores if score.size in auto.sizes] for record in records if _is_of(record, auto)
    ]
    return Remembered(records=records, verdict=verdict(wanted, auto.margin))


def _is_of(record: PackingRecord, auto: AutoPacking) -> bool:
    return (record.tokens, tuple(record.by)) == (auto.tokens, auto.by)


def _share(same: int, of: int) -> str:
    return f"{same / of:.1%}" if of else "none"
