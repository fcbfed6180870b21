r"""Layer two: what a text says that hardly anyone but an attacker says, as YARA-X rules in the .yar files of this folder
and of the folders that users add.

Rows are scanned one by one, so that no row can hide, shift or forge what is found in another. A text is scanned as it
stands; where it is not plain ASCII or quotes mail, once more folded and without the marks of quoted lines, because YARA
matches bytes, and so that `\s+` goes over a line's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.folding import fold
from airflow_provider_claude.core.scan.normalise import rows_where
from airflow_provider_claude.core.scan.signatures.rules import Compiled, RuleFile, RuleMeta, compile_rules, own_rules

__all__ = ["RuleMeta", "Signatures"]

#: Whole seconds that one text may take. Honest ones take a thousandth of a second.
TIMEOUT = 5

_TOO_SLOW = RuleMeta("scan_timeout", "high", 0.5, f"takes more than {TIMEOUT} seconds to search", "scan_timeout")

#: Texts that are in memory twice.
_AT_ONCE = 200

_SEVERITIES = ("low", "medium", "high")

#: Two patterns: RE2 is ten times faster with one that begins with a letter.
_QUOTED = (r"\A[ \t]*[>|]", r"\n[ \t]*[>|]")
_QUOTE_MARKS = r"(^|\n)[ \t]*(?:[>|][ \t]?)+"


class Signatures:
    """Compiled rules and the one scanner that applies them. Not for several threads at once."""

    def __init__(self, compiled: Compiled) -> None:
        import yara_x

        self.rules: Sequence[RuleMeta] = tuple(compiled.rules.values())
        #: A short hash of the rules' texts: what was looked for.
        self.version = compiled.version
        self._known = compiled.rules
        self._confirmed = _confirmed(self.rules)
        self._scanner = yara_x.Scanner(compiled.program)
        self._scanner.set_timeout(TIMEOUT)

    @classmethod
    def compiled(cls, more: Sequence[RuleFile] = ()) -> Signatures:
        """The package's rules and *more*; compiled once a process for the same texts.

        Raises JobError where a rule cannot be used, saying which and what to do.
        """
        return _compiled((*own_rules(), *more))

    @classmethod
    def only(cls, *files: RuleFile) -> Signatures:
        """The rules of *files* alone; compiled once a process for the same texts."""
        return _compiled(files)

    def find(self, texts: pa.Array, folded: pa.Array | None = None) -> list[Finding]:
        """The rows of the strings *texts*, ascending, and what each says: once for every id, the gravest and surest first,
        then by id: in which order YARA-X reports rules is not promised.
        *folded* is what `fold` makes of them, if that is known.

        Nulls say nothing. A text that takes longer than TIMEOUT is a finding itself (`scan_timeout`).
        """
        found: dict[tuple[int, str], RuleMeta] = {}
        rows, again = other_readings(texts, fold(texts) if folded is None else folded)
        for row, rule in (*self._hits(range(len(texts)), texts), *self._hits(rows, again)):
            known = found.get((row, rule.id))
            if known is None or (_weight(rule), rule.name) > (_weight(known), known.name):
                found[row, rule.id] = rule
        return [
            Finding(row, "signatures", rule.id, rule.severity, rule.score, f"the text {rule.catches}")
            for (row, _), rule in sorted(found.items(), key=lambda one: (one[0][0], -_weight(one[1]), one[0][1]))
        ]

    def doubted(self, findings: Iterable[Finding]) -> dict[int, float]:
        """The rows of *findings* that rules have doubts about, and the least score of the classifier that confirms one."""
        rows: dict[int, float] = {}
        for finding in findings:
            score = self._confirmed.get((finding.rule, finding.severity))
            if score is not None:
                rows[finding.row] = min(score, rows.get(finding.row, score))
        return rows

    def offset(self, text: str, name: str) -> int | None:
        """Where in *text* (characters from its beginning) a rule with the id *name* begins to match; None where none does."""
        import yara_x

        data = text.encode("utf-8", "replace")
        try:
            matching: Sequence[Any] = self._scanner.scan(data).matching_rules
        except yara_x.TimeoutError:
            return None
        offsets = [
            match.offset
            for rule in matching
            if self._known[rule.namespace, rule.identifier].id == name
            for pattern in rule.patterns
            for match in pattern.matches
        ]
        return len(data[: min(offsets)].decode("utf-8", "ignore")) if offsets else None

    def _hits(self, rows: Iterable[int], texts: pa.Array) -> list[tuple[int, RuleMeta]]:
        import yara_x

        hits: list[tuple[int, RuleMeta]] = []
        scan = self._scanner.scan
        for row, text in zip(rows, _bytes(texts), strict=True):
            if not text:
                continue
            try:
                matching: Sequence[Any] = scan(text).matching_rules
            except yara_x.TimeoutError:
                hits.append((row, _TOO_SLOW))
                continue
            hits += [(row, self._known[rule.namespace, rule.identifier]) for rule in matching]
        return hits


def _bytes(texts: pa.Array) -> Iterator[bytes | None]:
    """The UTF-8 of each of *texts*, a few at a time."""
    for start in range(0, len(texts), _AT_ONCE):
        yield from texts.slice(start, _AT_ONCE).cast(pa.large_binary()).to_pylist()


def other_readings(texts: pa.Array, folded: pa.Array) -> tuple[list[int], pa.Array]:
    """The rows (ascending) of *texts* that read otherwise when *folded* or without quote marks, and how they read then."""
    first, later = (pc.match_substring_regex(folded, pattern) for pattern in _QUOTED)
    rows = rows_where(pc.or_(pc.or_(first, later), pc.not_equal(texts, folded)))
    some = folded.take(array(rows, pa.int64()))
    return rows, pc.replace_substring_regex(some, _QUOTE_MARKS, r"\1")


def _confirmed(rules: Iterable[RuleMeta]) -> Mapping[tuple[str, str], float]:
    """By id and severity, the least score that confirms what such rules say."""
    scores: dict[tuple[str, str], float] = {}
    for rule in rules:
        if rule.confirm is not None:
            key = rule.id, rule.severity
            scores[key] = min(rule.confirm, scores.get(key, rule.confirm))
    return scores


def _weight(rule: RuleMeta) -> float:
    return _SEVERITIES.index(rule.severity) + rule.score / 2


@lru_cache(maxsize=4)
def _compiled(files: tuple[RuleFile, ...]) -> Signatures:
    return Signatures(compile_rules(files))
