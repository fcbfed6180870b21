"""One source of a shard's answers: results of one origin, such as those of an attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load.answer_rows import Sent
from airflow_provider_claude.core.load.answers import Judged, judge, read_head
from airflow_provider_claude.core.load.validate import Validator
from airflow_provider_claude.core.outcomes import API_COUNTS, Outcome
from airflow_provider_claude.core.packing.packed_answers import read_elements, split_request
from airflow_provider_claude.core.requests.request_bytes import Named, custom_id
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.cost.spent import Bill
from airflow_provider_claude.store import ShardFolder
from airflow_provider_claude.store.results import read_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Result lines that are checked and written together.
CHUNK_ROWS = 4_000

#: The same where a line holds many answers.
PACK_CHUNK = 200

_NO_LINE = "the results hold no line about this request"


def missing(reason: str, name: str = "") -> Judged:
    """The judgement of a row without a result."""
    return Judged(name, Outcome.MISSING, Usage(), reason=reason)


@dataclass(kw_only=True)
class ResultSource:
    """Results of one origin. *indexes* are the indexes in the shard of the rows that were asked. *packed*: several may share
    a request, and its usage.
    """

    sent: Sent
    round: int
    indexes: NDArray[Any]
    hashes: pa.Array
    max_tokens: NDArray[Any] | None = None
    batch_ids: pa.Array | None = None
    packed: bool = False

    def chunks(self, validate: Validator, unmatched: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        """Each row with its judgement, many at a time; lines that match no row are counted in *unmatched*."""
        raise NotImplementedError

    def count_mismatches(self) -> list[str]:
        """Where the origin's own counts are not those of its results. Known after the last chunk."""
        return []

    def incomplete(self) -> str | None:
        """Why the results never came whole; None where they did."""
        return None

    def limits(self, rows: Iterable[int]) -> list[int | None]:
        return [None if self.max_tokens is None else int(self.max_tokens[row]) for row in rows]


@dataclass(kw_only=True)
class Attempted(ResultSource):
    """The results of one attempt. *bill*: what they have cost, put on record once they are read."""

    shard: ShardFolder
    fingerprint: str
    bill: Bill

    def __post_init__(self) -> None:
        self._counts: Counter[Outcome] = Counter()
        looks = self.shard.looks(self.sent.attempt)
        self._looks = looks if looks is not None and looks.final else None

    def incomplete(self) -> str | None:
        if self._looks is None:
            return None
        minutes = max(round((epoch(self._looks.at) - epoch(self._looks.since)) / 60), 1)
        return (
            f"the results of batch {self._looks.batch_id} never came whole: {self._looks.why} "
            f"({self._looks.looks} looks in {minutes} min)"
        )

    def chunks(self, validate: Validator, unmatched: Counter[str]) -> Iterator[tuple[list[int], list[Judged]]]:
        if self.sent.lane == "store":
            return
        named, at_once = Named(self.fingerprint, self._requests()), PACK_CHUNK if self.packed else CHUNK_ROWS
        for lines in batched(read_lines(self.shard.results(self.sent.attempt)), at_once):
            yield self._known(lines, named, validate, unmatched)
        self.bill.keep()
        for requests in batched((request for request, known in enumerate(named.seen) if not known), at_once):
            yield self._missing(requests)

    def _requests(self) -> int:
        return len(self.indexes)

    def _known(
        self, lines: list[bytes], named: Named, validate: Validator, unmatched: Counter[str]
    ) -> tuple[list[int], list[Judged]]:
        """The rows that *lines* are the first results of, with their judgements; all other lines are *unmatched*."""
        requests, known, index, seen = [], [], named.index, named.seen
        for name, judged in self._read(lines, named, validate):
            request = index(name)
            if request is None:
                unmatched["unknown" if name or judged else "unreadable"] += 1
            elif seen[request]:
                unmatched["repeated"] += 1
            elif judged is None:
                unmatched["unreadable"] += 1
            else:
                seen[request] = True
                requests.append(request)
                known.append(judged)
        self._count(known)
        return self._split(requests, known, validate, unmatched)

    def _read(self, lines: list[bytes], named: Named, validate: Validator) -> Iterable[tuple[str, Judged | None]]:
        """The custom id of each of *lines*, and what it says; None if it is not a result, or not a first one."""
        for line in lines:
            judged = judge(line, validate)
            yield judged.custom_id if judged else "", judged

    def _split(
        self, requests: list[int], known: list[Judged], validate: Validator, unmatched: Counter[str]
    ) -> tuple[list[int], list[Judged]]:
        """The rows of *requests*, whose results are *known*, with their judgements."""
        return requests, known

    def _count(self, known: list[Judged]) -> None:
        """Count these results, each that of a whole request."""
        self._counts.update([one.outcome for one in known])
        self.bill.add(known)

    def _missing(self, requests: list[int]) -> tuple[list[int], list[Judged]]:
        """The rows of *requests*, which have no line."""
        return requests, [self._no_line(request) for request in requests]

    def _no_line(self, request: int) -> Judged:
        return missing(self.incomplete() or _NO_LINE, custom_id(self.fingerprint, request))

    def count_mismatches(self) -> list[str]:
        ended = self.shard.ended(self.sent.attempt)
        if ended is None:
            return []
        found: Counter[str] = Counter()
        for outcome, count in self._counts.items():
            found[API_COUNTS[outcome]] += count
        return [
            f"attempt {self.sent.attempt}: the API counted {ended.counts.get(name, 0):,} {name}, its results hold {found[name]:,}"
            for name in ("succeeded", "errored", "canceled", "expired")
            if ended.counts.get(name, 0) != found[name]
        ]


@dataclass(kw_only=True)
class AttemptedInPacks(Attempted):
    """The results of one attempt whose items share requests. *requests* is the request of each row. The judgement of a row has
    the usage of its whole request.
    """

    requests: NDArray[Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._bounds = np.flatnonzero(np.diff(self.requests, prepend=-1, append=-1)).tolist()

    def _requests(self) -> int:
        return max(len(self._bounds) - 1, 0)

    def _read(self, lines: list[bytes], named: Named, validate: Validator) -> Iterable[tuple[str, Judged | None]]:
        for line in lines:
            name, _ = read_head(line)
            request = named.index(name)
            first = request is not None and not named.seen[request]
            yield name, self._whole(line, request, validate) if request is not None and first else None

    def _split(
        self, requests: list[int], known: list[Judged], validate: Validator, unmatched: Counter[str]
    ) -> tuple[list[int], list[Judged]]:
        rows = [row for request in requests for row in self._rows(request)]
        wholes = zip(requests, known, strict=True)
        return rows, [one for request, whole in wholes for one in self._parts(whole, request, validate, unmatched)]

    def _rows(self, request: int) -> range:
        return range(self._bounds[request], self._bounds[request + 1])

    def _whole(self, line: bytes, request: int, validate: Validator) -> Judged | None:
        return judge(line, validate if len(self._rows(request)) == 1 else read_elements)

    def _parts(self, whole: Judged, request: int, validate: Validator, unmatched: Counter[str]) -> list[Judged]:
        """The part of *whole* about each item of *request*."""
        count = len(self._rows(request))
        if count == 1:
            return [whole]
        parts = split_request(whole, validate, fingerprint=self.fingerprint, request=request, count=count)
        unmatched["foreign"] += parts.foreign
        return parts.judged

    def _missing(self, requests: list[int]) -> tuple[list[int], list[Judged]]:
        rows: list[int] = []
        judged: list[Judged] = []
        for request in requests:
            mine = self._rows(request)
            one = self._no_line(request)
            rows += mine
            judged += [msgspec.structs.replace(one, index=index, of=len(mine)) for index in range(len(mine))]
        return rows, judged
