"""The gate: every layer looks at the cleaned texts of a batch, and the policy says what that means for its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from airflow_provider_claude.core.scan.encoded import Reading
from airflow_provider_claude.core.scan.findings import Finding, Layer
from airflow_provider_claude.core.scan.learned import Learned
from airflow_provider_claude.core.scan.limits import Limits
from airflow_provider_claude.core.scan.normalise import Cleaned
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.readings import disguises, read
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.structure import CHANGES, find
from airflow_provider_claude.core.scan.verdicts import Verdicts, decide


@dataclass(frozen=True)
class Gate:
    """*layers* read each text, and what else it can be read as; *policy* says what their findings mean.

    The first layer is always there: *limits* say what shape a text may have. *version* tells one set of layers from another.
    """

    layers: Sequence[Layer]
    policy: ScanPolicy = field(default_factory=ScanPolicy)
    limits: Limits = field(default_factory=Limits)
    version: str = ""

    def judge(self, columns: Mapping[str, Cleaned]) -> Verdicts:
        """What becomes of the rows of *columns* (at least one), which all have the same length."""
        return decide(self._findings(columns), self.policy)

    def _findings(self, columns: Mapping[str, Cleaned]) -> Iterator[Finding]:
        others = {name: read(column.texts) for name, column in columns.items()}
        for name, column in columns.items():
            yield from _changes(name, {**column.changes, **disguises(column.texts, others[name])})
        texts = {name: column.texts for name, column in columns.items()}
        raw = {name: column.texts if column.raw is None else column.raw for name, column in columns.items()}
        yield from find(texts, self.limits, raw)
        for layer in self.layers:
            for name, column in columns.items():
                yield from _read(layer, name, column.texts, others[name])


def open_gate(policy: ScanPolicy, closing_tags: Sequence[str] = ()) -> Gate:
    """The gate with all layers. *closing_tags* are delimiters that no text may close, such as `</email>`.

    Raises JobError where a rule of the policy's folders cannot be used.
    """
    signatures = Signatures.compiled(policy.rule_folders)
    limits = replace(policy.limits, closing_tags=(*policy.limits.closing_tags, *closing_tags))
    learned = Learned(policy.quarantine_score, policy.flag_score)
    return Gate([signatures, learned], policy, limits, version=f"{signatures.version} {learned.version}")


def _read(layer: Layer, name: str, texts: pa.Array, others: Sequence[Reading]) -> Iterator[Finding]:
    """What *layer* finds in the column *name*: its *texts* as they stand, and *others* they can be read as."""
    for finding in layer.find(texts):
        yield finding._replace(detail=f"{finding.detail} (column {name!r}).")
    if not others:
        return
    for finding in layer.find(pa.array([reading.text for reading in others], pa.string())):
        hidden = others[finding.row]
        yield finding._replace(row=hidden.row, detail=f"{finding.detail}, read as {hidden.kind} (column {name!r}).")


def _changes(name: str, changes: Mapping[str, list[int]]) -> Iterator[Finding]:
    for change, rows in changes.items():
        severity, says = CHANGES[change]
        for row in rows:
            yield Finding(row, "structure", change, severity, 1.0, f"the text {says} (column {name!r}).")
