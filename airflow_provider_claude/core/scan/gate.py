"""The gate: every layer looks at the cleaned texts of a batch, and the policy says what that means for its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.core.scan.findings import Finding, Severity
from airflow_provider_claude.core.scan.folding import fold
from airflow_provider_claude.core.scan.learned import Learned
from airflow_provider_claude.core.scan.normalise import Cleaned
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.readings import disguises, read
from airflow_provider_claude.core.scan.shape_limits import Limits
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.signatures.labelled import Labelled, signatures_for
from airflow_provider_claude.core.scan.signatures.rules import RuleFile
from airflow_provider_claude.core.scan.structure import CHANGES, find, offset
from airflow_provider_claude.core.scan.verdicts import Verdict, Verdicts, decide

#: What a reader notices that is of medium severity: of HTML that it did not parse, what is hidden is sent too.
_HEEDED = frozenset({"html_unparsed"})


class _Texts(NamedTuple):
    """*texts* as they stand and *folded*, and the row that each is of; what is found is about the text at that place."""

    texts: pa.Array
    folded: pa.Array
    rows: Sequence[int]

    @classmethod
    def of(cls, texts: pa.Array, rows: Sequence[int]) -> _Texts:
        return cls(texts, fold(texts), rows)


_Look = Callable[[_Texts], Iterable[Finding]]


@dataclass(frozen=True)
class Gate:
    """Structure, *signatures* and *learned* read each text, and what else it can be read as; *policy* says what their findings
    mean. *limits* say what shape a text may have; *version* identifies the rules and models.
    """

    signatures: Signatures | Labelled
    learned: Learned
    policy: ScanPolicy
    limits: Limits
    version: str

    def judge(
        self,
        columns: Mapping[str, Cleaned],
        flags: Sequence[Sequence[str]] = (),
        apart: Mapping[str, Cleaned] | None = None,
    ) -> Verdicts:
        """The verdict on each row of *columns* (at least one, all of the same length), which are read as one text.

        *flags*: what their reader has noticed of each row. *apart*: other texts of the same rows, null where there is none,
        each to be judged by itself.
        """
        return decide(chain(self._findings(columns, apart or {}), _noticed(flags, self.policy)), self.policy)

    def offset(self, text: str, verdict: Verdict) -> int | None:
        """Where in *text* (characters from its beginning) the subject of *verdict* is, or None if unknown."""
        match verdict.layer:
            case "signatures":
                return self.signatures.offset(text, verdict.reason)
            case "structure":
                return offset(text, verdict.reason, self.limits)
            case "classifier":
                return self.learned.offset(text)
        return None

    def _findings(self, columns: Mapping[str, Cleaned], apart: Mapping[str, Cleaned]) -> Iterator[Finding]:
        everything = {**columns, **apart}
        others = {name: read(column.texts) for name, column in everything.items()}
        for name, column in everything.items():
            yield from _changes(name, {**column.changes, **disguises(column.texts, others[name])})
        for group in (columns, *({name: column} for name, column in apart.items())):
            yield from find({name: column.texts for name, column in group.items()}, self.limits, _raw(group))
        read_as = [
            (f", read as {one.kind} (column {name!r})", one.row, one.text)
            for name, some in others.items()
            for one in some
        ]
        read_as += [
            (f" ({name!r})", row, text)
            for name, column in apart.items()
            for row, text in enumerate(column.texts.to_pylist())
            if text
        ]
        yield from self._spoken(joined([column.texts for column in columns.values()]), read_as)

    def _spoken(self, texts: pa.Array, read_as: Sequence[tuple[str, int, str]]) -> Iterator[Finding]:
        """What signatures find in *texts*, and in what else they are *read_as* (how, row and text), and the classifier, which
        gets the rows that the signatures doubt.
        """
        here = _Texts.of(texts, range(len(texts)))
        there = _Texts.of(array([text for _, _, text in read_as], pa.string()), [row for _, row, _ in read_as])
        how = [one for one, _, _ in read_as]
        found = list(_read(lambda some: self.signatures.find(some.texts, some.folded), here, there, how))
        yield from found
        doubted = self.signatures.doubted(found)
        yield from _read(lambda some: self.learned.find(some.folded, some.rows, doubted=doubted), here, there, how)


def open_gate(
    policy: ScanPolicy,
    rules: Sequence[RuleFile],
    closing_tags: Sequence[str] = (),
    confidential: str = "",
    labels: Sequence[str] = (),
    *,
    named: bool = False,
) -> Gate:
    """The gate with all layers. *rules* are those of the policy's folders. *closing_tags* are tags of the prompt, such as
    `</email>`: a text that closes one is noted.
    *confidential* is the word that no answer may hold; *labels* are those of the job, which a text may ask for,
    and *named* has each text found that names one.

    Raises JobError where one of *rules* cannot be used.
    """
    signatures = signatures_for(rules, labels, named=named)
    learned = Learned(policy.quarantine_score, policy.flag_score, policy.confirm_score, policy.doubt_score)
    tags = (*policy.limits.closing_tags, *closing_tags)
    limits = replace(policy.limits, closing_tags=tags, confidential=confidential)
    return Gate(signatures, learned, policy, limits, version=f"{signatures.version} {learned.version}")


def joined(columns: Sequence[pa.Array]) -> pa.Array:
    """The texts of each row, one after the other: what is said over several columns is read as the model reads it."""
    if len(columns) == 1:
        return columns[0]
    # Skipping nulls would leave out rows that have nothing else.
    return pc.binary_join_element_wise(
        *columns, scalar("\n\n", pa.string()), null_handling="replace", null_replacement=""
    )


def _raw(columns: Mapping[str, Cleaned]) -> Mapping[str, pa.Array]:
    return {name: column.texts if column.raw is None else column.raw for name, column in columns.items()}


def _read(look: _Look, here: _Texts, there: _Texts, how: Sequence[str]) -> Iterator[Finding]:
    """What a layer finds *here*, and *there*, in texts that were read as *how* says."""
    for finding in look(here):
        yield finding._replace(detail=f"{finding.detail}.")
    for finding in look(there) if how else ():
        yield finding._replace(row=there.rows[finding.row], detail=f"{finding.detail}{how[finding.row]}.")


def _noticed(flags: Sequence[Sequence[str]], policy: ScanPolicy) -> Iterator[Finding]:
    """What the reader of a source has noticed, as far as anything is done about it."""
    heeded = _HEEDED | policy.rules.keys()
    for row, raised in enumerate(flags):
        for flag in heeded.intersection(raised):
            severity: Severity = "medium" if flag in _HEEDED else "low"
            yield Finding(row, "structure", flag, severity, 1.0, f"the reader of the source has noticed {flag!r}.")


def _changes(name: str, changes: Mapping[str, list[int]]) -> Iterator[Finding]:
    for change, rows in changes.items():
        severity, says = CHANGES[change]
        for row in rows:
            yield Finding(row, "structure", change, severity, 1.0, f"the text {says} (column {name!r}).")
