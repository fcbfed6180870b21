"""The votes of a run: the first, second and third answers to the rows of its sample whose first two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, NoAnswer, comparable, valid
from airflow_provider_claude.core.consistency.vote import Ballot, Voted, ballot, differ
from airflow_provider_claude.stages.probes.golden_rows import PREFIX
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.read_answers import answers_in, answers_of, probe_named
from airflow_provider_claude.store import PlanRecord, RunFolder, VoteRecord
from airflow_provider_claude.store.planned_shard import planned_shards

#: What the name of a probe begins with that asks rows a third time.
VOTE = "vote"

_HASH, _MESSAGE = "claude_input_hash", "claude_message_id"


class Votes(NamedTuple):
    """Of the rows that *differ*, by item, the first and the second answer; the *third* of those that were asked a third time,
    NoAnswer where the model gave no valid one. Each answer has its message and the hash of its row, too. *compared* rows have two
    valid answers.
    """

    fields: Mapping[str, Comparable]
    differ: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
    third: Answers
    compared: int

    @property
    def open(self) -> list[str]:
        """The items that differ and were not asked a third time."""
        return sorted(self.differ.keys() - self.third.keys())

    def ballots(self) -> dict[str, Ballot]:
        """By item, the vote of three answers."""
        return dict(self._ballots())

    def _ballots(self) -> Iterator[tuple[str, Ballot]]:
        for item, third in valid(self.third).items():
            if item in self.differ:
                three = (*self.differ[item], third)
                yield item, ballot(self.fields, three, [one[_MESSAGE] for one in three])

    def result(self, why_not: str) -> Voted:
        """What the votes have done; *why_not*: why there is no third answer to some."""
        if not self.compared:
            return Voted(differing=0, why_not="no row has two valid answers to compare")
        found = self.ballots()
        refused = "the model gave no valid third answer" if len(found) + len(self.open) < len(self.differ) else ""
        return Voted(
            differing=len(self.differ),
            voted=len(found),
            changed=sum(one.published > 1 for one in found.values()),
            ties=sum(one.tie for one in found.values()),
            why_not="; ".join(filter(None, [refused, why_not if self.open else ""])),
        )


def votes_of(run: RunFolder, plan: PlanRecord) -> Votes | None:
    """The votes of *run*; None where its sample was not asked a second time."""
    probe = probe_named(run, plan, AGAIN)
    if probe is None:
        return None
    fields = comparable(plan.job.answer_schema)
    columns = [*fields, _HASH, _MESSAGE]
    [shard] = planned_shards(probe, probe.need_plan())
    second = {item: one for item, one in valid(answers_of(shard, columns)).items() if not item.startswith(PREFIX)}
    first = answers_in(run.parts("answers"), columns, list(second))
    pairs = {item: (first[item], second[item]) for item in sorted(first.keys() & second.keys())}
    apart = {item: two for item, two in pairs.items() if differ(fields, *two)}
    return Votes(fields, apart, _third(run, plan, columns, apart), len(pairs))


def vote_probes(run: RunFolder) -> list[RunFolder]:
    """The probes of *run* that have asked rows a third time, for this plan or an earlier one."""
    return [probe for probe in run.probes() if probe.path.name.startswith(f"{VOTE}-")]


def vote_record(run: RunFolder, plan: PlanRecord) -> VoteRecord | None:
    """How the third answers of *plan* were asked for; None where they were not."""
    record = run.reader.read(run.file("vote.json"), VoteRecord)
    return record if record is not None and record.planned_at == plan.created_at else None


def _third(run: RunFolder, plan: PlanRecord, columns: list[str], apart: Mapping[str, tuple[Any, Any]]) -> Answers:
    """The third answers to the rows that are *apart*: of the same job, to the same text."""
    found: dict[str, Mapping[str, Any]] = {}
    for probe in vote_probes(run):
        asked = probe.plan()
        if asked is not None and asked.job == plan.job:
            [shard] = planned_shards(probe, asked)
            found |= {item: one for item, one in answers_of(shard, columns).items() if item in apart}
    return {item: one for item, one in found.items() if _is_of(one, apart[item][0])}


def _is_of(third: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Whether *third* answers the text that *first* answers. Without an answer, the text is not known, and taken for the same."""
    return isinstance(third[_HASH], NoAnswer) or third[_HASH] == first[_HASH]
