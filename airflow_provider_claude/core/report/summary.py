"""The report as one value: what report.json holds and what the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_claude.core.consistency.calibration import Confidence
from airflow_provider_claude.core.consistency.drift import Drift
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.consistency.neighbours import Neighbours
from airflow_provider_claude.core.consistency.vote import Voted
from airflow_provider_claude.core.cost.estimate import per_thousand
from airflow_provider_claude.core.cost.run_costs import Costs
from airflow_provider_claude.core.report.certification import Certification
from airflow_provider_claude.core.report.example import Example
from airflow_provider_claude.core.report.ledger import Ledger
from airflow_provider_claude.core.report.tally import ColumnSummary
from airflow_provider_claude.core.report.timeline import ShardSpan, last_loading
from airflow_provider_claude.core.times import due, epoch
from airflow_provider_claude.job.schema import resolve

#: How far the publication is. A run without an output is not asked to publish, and one whose report is red withholds.
NOT_ASKED, WITHHELD, PUBLISHING, PUBLISHED, FAILED = "none", "withheld", "publishing", "published", "failed"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of every row; `fields` are the answer's columns with their JSON types."""

    model: str
    prompt_hash: str
    schema_hash: str
    fields: dict[str, str]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run's report. It is green when `problems` is empty and what is to be published is published; `warnings` are reasons
    to look at a green run.

    `unmatched` counts result lines that belonged to no row, as the loads found them; they are in no other number.
    `reused` rows took an answer of an earlier run. `count_mismatches`: where a batch's own counts are not those of its results.
    `prompt_leaks` counts answers that repeat the prompt or orders to drop it, by flag.
    `unreadable` are the first files that could not be read whole, each with what is wrong.
    `notes` say what else was found where the source is. `releases`: what people have let out of quarantine, a sentence an act.
    `probes`: what is known of packing, where the plan decides about it.
    `drift`: how far each field of labels is from earlier runs. `consistency`: what rows that were asked a second time have
    shown, None where none were to be; `neighbours`: rows that say nearly the same and were answered differently;
    `confidence`: what the model's own is worth. `change`: what a changed job did to a sample, None where the job is the accepted
    one; `order`: what the order of the options did; `votes`: what third answers changed, None where there is no vote. `lengths`:
    the answered rows by the tokens of their answer. Times are
    shown in `zone`, the DAG's. `publication` says how far the publication of the answers is; `published` where they are, and
    `published_rows` how many are in the files there, both None while, or because, they are not.
    """

    source: str
    format: str
    partition: str | None
    created_at: str
    deadline: str | None
    problems: list[str]
    ledger: Ledger
    costs: Costs
    shards: list[ShardSpan]
    answers: list[ColumnSummary]
    quarantine_examples: list[Example]
    failure_examples: list[Example]
    flags: dict[str, int]
    unmatched: dict[str, int]
    count_mismatches: list[str]
    reused: int
    asked: Asked
    explanation: list[str]
    publication: str = NOT_ASKED
    published: str | None = None
    published_rows: int | None = None
    zone: str = "UTC"
    prompt_leaks: dict[str, int] = {}
    unreadable: list[str] = []
    warnings: list[str] = []
    notes: list[str] = []
    releases: list[str] = []
    probes: list[str] = []
    drift: list[Drift] = []
    consistency: Measured | None = None
    neighbours: Neighbours | None = None
    confidence: Confidence | None = None
    change: Certification | None = None
    order: Measured | None = None
    votes: Voted | None = None
    lengths: dict[str, int] = {}

    @property
    def green(self) -> bool:
        return not self.problems and self.publication in {NOT_ASKED, PUBLISHED}

    @property
    def usd_per_thousand(self) -> Decimal | None:
        """What 1,000 answered rows have cost, duplicates among them; None where none is answered, and of a held run,
        which has asked a sample.
        """
        if self.change is not None and self.change.held:
            return None
        return per_thousand(self.costs.actual, self.ledger.answered)

    @property
    def headline(self) -> str:
        """The night in one sentence."""
        if self.problems:
            return self.problems[0]
        return "The answers are being published." if self.publication == PUBLISHING else self._outcome()

    def _outcome(self) -> str:
        ledger = self.ledger
        if ledger.losses:
            return f"{ledger.losses} {ledger.answered:,} of {ledger.inputs:,} rows are answered."
        if not ledger.inputs:
            return "No input rows this night."
        if ledger.answered == ledger.inputs:
            return f"All {ledger.inputs:,} rows are answered." if ledger.inputs > 1 else "The one row is answered."
        answered = f"{ledger.answered:,} of {ledger.inputs:,} rows are answered"
        if self.warnings:
            return f"{answered}. Look at the others: {self.warnings[0]}"
        return f"{answered}; the others are accounted for."

    @property
    def loaded_at(self) -> str | None:
        """When the last shard was loaded, None while one is not."""
        return last_loading(self.shards)

    @property
    def due(self) -> float | None:
        """`deadline` in epoch seconds."""
        return due(self.deadline)

    @property
    def deadline_met(self) -> bool | None:
        """Whether the last shard was loaded by the deadline; None without a deadline or without shards."""
        if self.due is None or not self.shards:
            return None
        return self.loaded_at is not None and epoch(self.loaded_at) <= self.due


def asked(model: str, schema: Mapping[str, Any], *, prompt_hash: str, schema_hash: str) -> Asked:
    """What is asked of *model*: *schema* is that of the output as the user wrote it."""
    return Asked(
        model=model,
        prompt_hash=prompt_hash,
        schema_hash=schema_hash,
        fields={name: _kind(node, schema) for name, node in resolve(schema, schema)["properties"].items()},
    )


def _kind(node: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A JSON schema node in a few words: `string`, `one of a, b`, `integer or null`, `list of string`."""
    node = resolve(node, root)
    if "enum" in node:
        return "one of " + ", ".join(map(str, node["enum"]))
    if choices := node.get("anyOf") or node.get("oneOf"):
        return " or ".join(_kind(choice, root) for choice in choices)
    kind = node.get("type", "any")
    if kind == "array":
        return "list of " + _kind(node.get("items", {}), root)
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
