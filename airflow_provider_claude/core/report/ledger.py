"""The ledger: every input row ends as answered, quarantined, failed or lost, or the report says by how much not.

    inputs  = items + duplicates + quarantined + lost   (what scan read, and what it counted in damaged places)
    items   = the rows the plan gave to shards
    a shard = its items + the duplicates of its items = answered + failed
    inputs  = answered + quarantined + failed + lost    (follows, and is what a reader looks at)

All numbers are counted from the files. A shard's own `loaded.json` is only compared with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from airflow_provider_claude.errors import LedgerError

#: Sentences about single shards beyond this many are counted, not written.
_MAX_SENTENCES = 8


class ShardCount(msgspec.Struct, frozen=True, kw_only=True):
    """One shard's rows: `items` by the plan, `duplicates` of them by scan, `answered` and `failed` by its files.

    `loaded` is what loaded.json says, by outcome; None where there is no such record.
    """

    shard: int
    items: int
    duplicates: int
    answered: int
    failed: dict[str, int]
    loaded: dict[str, int] | None

    @property
    def expected(self) -> int:
        return self.items + self.duplicates

    @property
    def counted(self) -> int:
        return self.answered + sum(self.failed.values())

    def problems(self) -> list[str]:
        name, gap = f"Shard {self.shard}", self.expected - self.counted
        found = []
        if gap > 0:
            found.append(f"{name}: {rows(gap)} of {self.expected:,} not accounted for.")
        if gap < 0:
            found.append(f"{name}: {rows(-gap)} too many; {self.expected:,} expected.")
        if self.loaded is None:
            found.append(f"{name}: its load did not finish (there is no loaded.json).")
        elif nonzero(self.loaded) != (in_files := nonzero({"succeeded": self.answered} | self.failed)):
            found.append(f"{name}: loaded.json says {in_words(self.loaded)}; its files hold {in_words(in_files)}.")
        return found

    @property
    def never_loaded(self) -> bool:
        return self.loaded is None and self.counted == 0


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows of a run are. `duplicates` are part of `answered` and `failed`: each has a row of its own.

    `by_authors` is the part of `quarantined` that the authors of the texts can bring about.

    `lost` rows are in damaged places of the source. In `uncounted` more such places their number is not known: those rows
    are in no number here.
    """

    inputs: int
    items: int
    duplicates: int
    quarantined: dict[str, int]
    by_authors: dict[str, int]
    answered: int
    failed: dict[str, int]
    shards: list[ShardCount]
    lost: int = 0
    uncounted: int = 0

    @classmethod
    def of(
        cls,
        *,
        inputs: int,
        items: int,
        duplicates: int,
        quarantined: dict[str, int],
        shards: Iterable[ShardCount],
        lost: int = 0,
        uncounted: int = 0,
        by_authors: dict[str, int] | None = None,
    ) -> Ledger:
        """The ledger whose `answered` and `failed` are the sums over *shards*."""
        shards = list(shards)
        failed: Counter[str] = Counter()
        for shard in shards:
            failed.update(shard.failed)
        return cls(
            inputs=inputs,
            items=items,
            duplicates=duplicates,
            quarantined=nonzero(quarantined),
            by_authors=nonzero(by_authors or {}),
            answered=sum(shard.answered for shard in shards),
            failed=nonzero(failed),
            shards=shards,
            lost=lost,
            uncounted=uncounted,
        )

    @property
    def quarantined_rows(self) -> int:
        return sum(self.quarantined.values())

    @property
    def failed_rows(self) -> int:
        return sum(self.failed.values())

    @property
    def losses(self) -> str | None:
        """What is lost in damaged places of the source, as a sentence; None where nothing is."""
        if not self.uncounted:
            return f"{rows(self.lost)} of {self.inputs:,} lost in damaged places of the source." if self.lost else None
        regions = "1 place" if self.uncounted == 1 else f"{self.uncounted:,} places"
        more = f", and {rows(self.lost)} that could be counted" if self.lost else ""
        return f"An unknown number of rows is lost in {regions} of the source{more}."

    def sentence(self) -> str:
        """Where the rows are, in one sentence, for a log."""
        more = " and more" if self.uncounted else ""
        return (
            f"{rows(self.inputs)} read: {self.answered:,} answered, {self.quarantined_rows:,} set aside, "
            f"{self.failed_rows:,} failed, {self.lost:,}{more} lost."
        )

    @property
    def gap(self) -> int:
        """Input rows without an outcome; negative where there are more outcomes than rows."""
        return self.inputs - self.answered - self.quarantined_rows - self.failed_rows - self.lost

    def problems(self) -> list[str]:
        """What keeps the ledger from closing, a sentence each: how much first, then where. Empty when it closes."""
        return [*self._total(), *self._scanned(), *self._planned(), *self._loaded()]

    def check(self) -> None:
        """Raise LedgerError unless every row is accounted for exactly once."""
        raise_if_any(self.problems())

    def _total(self) -> list[str]:
        if self.gap > 0:
            return [f"{rows(self.gap)} of {self.inputs:,} not accounted for."]
        if self.gap < 0:
            return [f"{rows(-self.gap)} more than the {self.inputs:,} that were read."]
        return []

    def _scanned(self) -> list[str]:
        parts = self.items + self.duplicates + self.quarantined_rows + self.lost
        if parts == self.inputs:
            return []
        lost = f" with {self.lost:,} lost" if self.lost else ""
        held = (
            f"items ({self.items:,}), duplicates ({self.duplicates:,}) and quarantine ({self.quarantined_rows:,}{lost})"
        )
        return [f"scan.json says {rows(self.inputs)}, but {held} hold {parts:,}."]

    def _planned(self) -> list[str]:
        found = []
        planned = sum(shard.items for shard in self.shards)
        assigned = sum(shard.duplicates for shard in self.shards)
        if planned != self.items:
            found.append(f"The plan covers {planned:,} of {self.items:,} items.")
        if assigned != self.duplicates:
            found.append(f"{rows(self.duplicates - assigned)} of duplicates belong to no shard.")
        return found

    def _loaded(self) -> list[str]:
        absent = [shard for shard in self.shards if shard.never_loaded]
        found = [sentence for shard in self.shards if not shard.never_loaded for sentence in shard.problems()]
        more = len(found) - _MAX_SENTENCES
        if more > 0:
            found[_MAX_SENTENCES:] = [f"{more:,} more such differences; report.json has each shard's counts."]
        if not absent:
            return found
        missing = sum(shard.expected for shard in absent)
        return [f"{_names(absent)} never loaded ({rows(missing)}).", *found]


def raise_if_any(problems: Sequence[str]) -> None:
    if problems:
        raise LedgerError(" ".join(problems))


def rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def nonzero(counts: dict[str, int]) -> dict[str, int]:
    """*counts* without its zeros, most frequent first, ties by name."""
    return {name: n for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if n}


def in_words(counts: dict[str, int]) -> str:
    """*counts* as `7 refused, 1 expired`, or `nothing`."""
    return ", ".join(f"{n:,} {name}" for name, n in nonzero(counts).items()) or "nothing"


def _names(shards: Sequence[ShardCount]) -> str:
    if len(shards) == 1:
        return f"Shard {shards[0].shard} was"
    shown = [str(shard.shard) for shard in shards[:_MAX_SENTENCES]]
    more = len(shards) - len(shown)
    last = f"{more:,} more" if more else shown.pop()
    return f"Shards {', '.join(shown)} and {last} were"
