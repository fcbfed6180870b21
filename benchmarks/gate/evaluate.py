"""What the gate catches and what it takes for an attack by mistake, by source and layer: `make scan-eval`.

With `--reserve` the shipped gate is judged, whole, on the texts that no rule was written from and no model was trained on
(`reserve`), and by language and form (`apart`). Without it the texts are those that all was made with: the classifier is
judged on scores of models that saw nothing of the source's family (`heldout`). The other layers have no training; they are
judged as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_provider_claude.core.scan import policy
from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.gate import open_gate
from airflow_provider_claude.core.scan.normalise import normalise
from airflow_provider_claude.core.scan.policy import Action, ScanPolicy
from airflow_provider_claude.core.scan.readings import readings
from airflow_provider_claude.core.scan.signatures import Signatures
from benchmarks.gate import card, data, heldout
from benchmarks.gate.corpus import Floats
from benchmarks.gate.data import Row
from benchmarks.gate.rates import Mask, table
from benchmarks.gate.train import Trainer, examples

Grades = NDArray[np.int8]

#: Where the tables stand in the docs.
DOCS = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "injection-gate.md"

#: Layers of the gate that are not trained, by their names there.
UNTRAINED = ("structure", "signatures")


@dataclass(frozen=True, kw_only=True)
class Only(ScanPolicy):
    """The usual policy for what *layer* says; what others say is passed over."""

    layer: str

    def action(self, finding: Finding) -> Action:
        return super().action(finding) if finding.layer == self.layer else "pass"


def graded(rows: Sequence[Row], layer: str) -> Grades:
    """What *layer* does to each of *rows*: 2 sets it aside, 1 has it answered alone, 0 nothing."""
    gate = open_gate(Only(layer=layer), ())
    verdicts = gate.judge({"text": normalise(pa.array([row.raw for row in rows], pa.string()))})
    grades = np.zeros(len(rows), np.int8)
    grades[list(verdicts.suspects)] = 1
    grades[list(verdicts.set_aside)] = 2
    return grades


def confirming(rows: Sequence[Row]) -> Floats:
    """The classifier's score from which each of *rows* is set aside since a signature has doubts about it; infinite where
    none has.
    """
    signatures = Signatures.compiled()
    texts = normalise(pa.array([row.raw for row in rows], pa.string())).texts
    places, others = readings(texts)
    found = [finding._replace(row=places[finding.row]) for finding in signatures.find(others)]
    doubted = signatures.doubted([*signatures.find(texts), *found])
    needed = np.full(len(rows), np.inf)
    needed[list(doubted)] = list(doubted.values())
    return np.maximum(needed, policy.CONFIRM_SCORE)


def groups(rows: Sequence[Row]) -> dict[str, Mask]:
    """What has a line in the table: each source by kind, and what the aims are about."""
    names: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row.file == "injections" or row.file == "unicode":
            names.setdefault(f"{row.kind}: {_place(row)}", []).append(number)
        elif row.kind not in {"mime_fixture", "mime_malformed"}:
            names.setdefault(f"{row.kind}: {row.source}", []).append(number)
    return {name: _mask(len(rows), found) for name, found in sorted(names.items())}


def _place(row: Row) -> str:
    split = {"bipia": row.subtype.split("/")[0], "agentdojo": row.subtype.split("/")[-1]}
    if row.source == "purplellama-cyberseceval":
        return f"{row.source}, {'indirect' if 'indirect/' in row.subtype else 'direct'}"
    if row.kind == "attack" and row.source in split:
        return f"{row.source}, {split[row.source]}"
    return row.source if row.file == "injections" else f"{row.source} (unicode)"


def _mask(size: int, rows: Sequence[int]) -> Mask:
    mask = np.zeros(size, bool)
    mask[rows] = True
    return mask


def aims(rows: Sequence[Row]) -> dict[str, Mask]:
    """The lines above the others."""
    kinds = np.array([row.kind for row in rows])
    files = np.array([row.file for row in rows])
    return {
        "**attacks on readers of mail and documents**": np.array([row.for_documents for row in rows]),
        "**attacks of all kinds (injections.parquet)**": (kinds == "attack") & (files == "injections"),
        "**benign_hard**": kinds == "benign_hard",
        "**sentiment.parquet**": kinds == "sentiment",
        "**SpamAssassin ham**": np.isin(kinds, ["ham", "ham_hard"]),
    }


def thresholds(rows: Sequence[Row], scores: Floats) -> str:
    """What each threshold would mean."""
    columns = {f"≥ {at:.2f}": scores >= at for at in (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)}
    return table(aims(rows), columns)


def calibration(rows: Sequence[Row], scores: Floats) -> str:
    """Markdown: for scores by tenth, how many in ODDS + … are attacks indeed, as if one text of ODDS were one."""
    attack = np.array([row.for_documents for row in rows])
    honest = np.array([row.kind in heldout.HONEST for row in rows])
    lines = [
        "| score | attacks | honest texts | mean score | share of attacks, at one in a hundred |",
        "|---|---:|---:|---:|---:|",
    ]
    edges = [0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0001]
    for low, high in pairwise(edges):
        inside = (scores >= low) & (scores < high)
        bad, good = (inside & attack).sum(), (inside & honest).sum()
        weight = bad / attack.sum(), (heldout.ODDS - 1) * good / honest.sum()
        share = f"{weight[0] / sum(weight):.2f}" if sum(weight) else "–"
        means = [scores[inside & mask].sum() / mask.sum() * w for mask, w in ((attack, 1), (honest, heldout.ODDS - 1))]
        mean = f"{sum(means) / sum(weight):.2f}" if sum(weight) else "–"
        lines.append(f"| {low:g} to {min(high, 1):g} | {bad} | {good:,} | {mean} | {share} |")
    return "\n".join(lines)


def judged(rows: Sequence[Row]) -> tuple[dict[str, Mask], Floats]:
    """By layer and what is done the rows it is done to, and the held-out scores."""
    held = heldout.scores(rows, Trainer(examples(rows)))
    slope, bias = heldout.calibration(rows, held.threads)
    strict, scores = (np.nan_to_num(heldout.logistic(slope * worth + bias)) for worth in held)
    grades = {layer: graded(rows, layer) for layer in UNTRAINED}
    thresholds = [policy.FLAG_SCORE, policy.QUARANTINE_SCORE]
    grades["classifier"] = np.searchsorted(thresholds, scores, "right").astype(np.int8)
    confirmed = scores >= confirming(rows)
    grades["all"] = np.maximum.reduce([*grades.values(), 2 * confirmed.astype(np.int8)])
    found = {f"{name}: aside": grade == 2 for name, grade in grades.items()}
    found["all: aside or alone"] = grades["all"] >= 1
    found["classifier, no mail of this collection seen: aside"] = strict >= policy.QUARANTINE_SCORE
    return found, scores


def put(path: Path, mark: str, text: str) -> None:
    """Writes *text* between the comments `mark` and `/mark` of the file."""
    whole = path.read_text("utf-8")
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = whole.split(begin, 1)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}", "utf-8")


def open_tables(folder: Path) -> dict[str, str]:
    """The tables about the texts that rules, grammars and thresholds were made with."""
    rows = data.read(folder)
    found, scores = judged(rows)
    return {
        "catches": table({**aims(rows), **groups(rows)}, found),
        "thresholds": thresholds(rows, scores),
        "calibration": calibration(rows, scores),
        "training": data.licences(rows),
    }


def reserve_tables(folder: Path) -> dict[str, str]:
    """The tables about the others, as the shipped gate judges them."""
    rows = data.read(folder, reserve=True)
    found = card.outcomes([row.raw for row in rows])
    return {"reserve": table({**aims(rows), **groups(rows)}, found), **card.tables()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data.DATA)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/explanation/injection-gate.md")
    parser.add_argument("--reserve", action="store_true", help="judge the reserve instead; look at its rates alone")
    args = parser.parse_args()
    for name, text in (reserve_tables if args.reserve else open_tables)(args.data).items():
        print(f"\n{name}\n\n{text}")
        if args.write:
            put(DOCS, name, text)


if __name__ == "__main__":
    main()
