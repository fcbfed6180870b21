"""The gate: every layer looks at the cleaned texts of a batch, and the policy says what that means for its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from airflow_provider_claude.core.scan.encoded import Reading
from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.learned import Learned
from airflow_provider_claude.core.scan.limits import Limits
from airflow_provider_claude.core.scan.normalise import Cleaned
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.readings import disguises, read
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.structure import CHANGES, find
from airflow_provider_claude.core.scan.verdicts import Verdict, Verdicts, decide

#: Texts, and the row that each is of; what is found is about the text at that place.
_Look = Callable[[pa.Array, Sequence[int]], Iterable[Finding]]


@dataclass(frozen=True)
class Gate:
    """Structure, *signatures* and *learned* read each text, and what else it can be read as; *policy* says what their findings
    mean. *limits* say what shape a text may have; *version* tells one set of rules and models from another.
    """

    signatures: Signatures
    learned: Learned
    policy: ScanPolicy
    limits: Limits
    version: str

    def judge(self, columns: Mapping[str, Cleaned]) -> Verdicts:
        """What becomes of the rows of *columns* (at least one), which all have the same length."""
        return decide(self._findings(columns), self.policy)

    def place(self, text: str, verdict: Verdict) -> int | None:
        """Where in *text* (characters from its beginning) is what *verdict* is about, if that can be told."""
        return self.signatures.place(text, verdict.reason) if verdict.layer == "signatures" else None

    def _findings(self, columns: Mapping[str, Cleaned]) -> Iterator[Finding]:
        others = {name: read(column.texts) for name, column in columns.items()}
        for name, column in columns.items():
            yield from _changes(name, {**column.changes, **disguises(column.texts, others[name])})
        texts = {name: column.texts for name, column in columns.items()}
        raw = {name: column.texts if column.raw is None else column.raw for name, column in columns.items()}
        yield from find(texts, self.limits, raw)
        doubted: set[int] = set()
        for name, column in texts.items():
            for finding in _read(lambda some, _: self.signatures.find(some), name, column, others[name]):
                if finding.severity == "medium":
                    doubted.add(finding.row)
                yield finding
        for name, column in texts.items():
            yield from _read(partial(self.learned.find, doubted=doubted), name, column, others[name])


def open_gate(policy: ScanPolicy, closing_tags: Sequence[str] = ()) -> Gate:
    """The gate with all layers. *closing_tags* are delimiters that no text may close, such as `</email>`.

    Raises JobError where a rule of the policy's folders cannot be used.
    """
    signatures = Signatures.compiled(policy.rule_folders)
    learned = Learned(policy.quarantine_score, policy.flag_score, policy.confirm_score)
    limits = replace(policy.limits, closing_tags=(*policy.limits.closing_tags, *closing_tags))
    return Gate(signatures, learned, policy, limits, version=f"{signatures.version} {learned.version}")


def _read(look: _Look, name: str, texts: pa.Array, others: Sequence[Reading]) -> Iterator[Finding]:
    """What a layer finds in the column *name*: its *texts* as they stand, and *others* they can be read as."""
    for finding in look(texts, range(len(texts))):
        yield finding._replace(detail=f"{finding.detail} (column {name!r}).")
    if not others:
        return
    for finding in look(pa.array([reading.text for reading in others], pa.string()), [one.row for one in others]):
        hidden = others[finding.row]
        yield finding._replace(row=hidden.row, detail=f"{finding.detail}, read as {hidden.kind} (column {name!r}).")


def _changes(name: str, changes: Mapping[str, list[int]]) -> Iterator[Finding]:
    for change, rows in changes.items():
        severity, says = CHANGES[change]
        for row in rows:
            yield Finding(row, "structure", change, severity, 1.0, f"the text {says} (column {name!r}).")
