"""Signatures with the rules of a job's labels. Words near a label are many, and are searched in the few texts that name one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.signatures.label_words import NAMES_LABEL, label_rules
from airflow_provider_claude.core.scan.signatures.rules import RuleFile


@dataclass(frozen=True)
class Labelled:
    """*signatures*, one of which finds the texts that name a label, and *near*, for those texts. *named*: such a text is a
    finding in any case. Used as Signatures are.
    """

    signatures: Signatures
    near: Signatures
    named: bool

    @property
    def version(self) -> str:
        return hashlib.sha256(f"{self.signatures.version} {self.near.version}".encode()).hexdigest()[:12]

    def find(self, texts: pa.Array, folded: pa.Array | None = None) -> list[Finding]:
        found = self.signatures.find(texts, folded)
        rows = [finding.row for finding in found if finding.rule == NAMES_LABEL]
        if not rows:
            return found
        some = array(rows, pa.int64())
        near = self.near.find(texts.take(some), None if folded is None else folded.take(some))
        kept = [finding for finding in found if self.named or finding.rule != NAMES_LABEL]
        return sorted([*kept, *(one._replace(row=rows[one.row]) for one in near)], key=lambda one: one.row)

    def doubted(self, findings: Iterable[Finding]) -> dict[int, float]:
        every = list(findings)
        first, second = (some.doubted(every) for some in (self.signatures, self.near))
        return {row: min(one[row] for one in (first, second) if row in one) for row in {**first, **second}}

    def offset(self, text: str, name: str) -> int | None:
        offset = self.signatures.offset(text, name)
        return self.near.offset(text, name) if offset is None else offset


def signatures_for(rules: Sequence[RuleFile], labels: Sequence[str], *, named: bool) -> Signatures | Labelled:
    """The package's signatures and *rules*, with those about *labels*."""
    made = label_rules(labels)
    if made is None:
        return Signatures.compiled(rules)
    return Labelled(Signatures.compiled((*rules, made.named)), Signatures.only(made.near), named)
