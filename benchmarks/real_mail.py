"""What the gate makes of real mail: every message of ../shared/data/emails.parquet through the mail source and the scan.

python -m benchmarks.real_mail        prints the tables of docs/explanation/mail.md
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder

MAILS = Path(__file__).resolve().parents[2] / "shared" / "data" / "emails.parquet"

#: The labels of the data, as people say them.
LABELS = {
    "ham": "ham",
    "ham_hard": "hard ham",
    "spam": "spam",
    "mime_fixture": "MIME fixtures",
    "mime_malformed": "malformed",
}


@dataclass
class Tally:
    """How the mails of one label ended."""

    rows: int = 0
    items: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Scanned:
    """The mails' facts by id, where each ended (folder and row of it), and the tally of each label."""

    facts: dict[str, dict[str, object]]
    ends: dict[str, tuple[str, dict[str, object]]]
    by_label: dict[str, Tally]


def scan_real_mail(folder: Path, trimming: Trimming | None = None) -> Scanned:
    """Scan all mails, one file each, into *folder*."""
    mails = pq.read_table(MAILS).to_pylist()
    facts = {f"{number:05d}.eml": mail for number, mail in enumerate(mails)}
    (folder / "mails").mkdir()
    for name, mail in facts.items():
        (folder / "mails" / name).write_bytes(mail.pop("raw"))
    run = RunFolder(UPath(folder / "run"))
    source = open_source(UPath(folder / "mails"), columns=["subject", "body"])
    settings = ScanSettings(text_columns=["subject", "body"], trimming=trimming or Trimming())
    scan(source, run, settings, clock=lambda: datetime.now(UTC).isoformat())
    ends = {
        str(row["source_ref"]): (kind, row)
        for kind in ("items", "quarantine", "duplicates")
        for part in run.parts(kind)
        for row in pq.read_table(part.path).to_pylist()
    }
    by_label: dict[str, Tally] = {label: Tally() for label in LABELS}
    for name, (kind, row) in ends.items():
        _count(by_label[str(facts[name]["label"])], kind, row)
    return Scanned(facts, ends, by_label)


def _count(tally: Tally, kind: str, row: dict[str, object]) -> None:
    tally.rows += 1
    tally.items += kind == "items"
    tally.duplicates += kind == "duplicates"
    if kind == "quarantine":
        tally.reasons[str(row["reason"])] += 1
    tally.flags.update(row.get("flags", ()))  # type: ignore[call-overload]


def table(tallies: dict[str, Tally], name: str, counts: Callable[[Tally], Counter[str]]) -> list[str]:
    """Markdown: a line for each word that *counts* finds, most frequent first; a column for each label."""
    total = sum((counts(tally) for tally in tallies.values()), Counter[str]())
    lines = [f"| {name} | {' | '.join(LABELS[label] for label in tallies)} |", "|---|" + "---:|" * len(tallies)]
    for word, _ in total.most_common():
        cells = [f"{counts(tally)[word]:,}" for tally in tallies.values()]
        lines.append(f"| `{word}` | {' | '.join(cells)} |")
    return lines


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tallies = scan_real_mail(Path(folder), Trimming(replies="drop", signatures="drop")).by_label
    print(f"| | {' | '.join(LABELS[label] for label in tallies)} |", "|---|" + "---:|" * len(tallies), sep="\n")
    for name in ("rows", "items", "duplicates"):
        print(f"| {name} | {' | '.join(f'{getattr(tally, name):,}' for tally in tallies.values())} |")
    print(f"| quarantined | {' | '.join(f'{tally.reasons.total():,}' for tally in tallies.values())} |\n")
    print(*table(tallies, "set aside as", lambda tally: tally.reasons), "", sep="\n")
    print(*table(tallies, "flag", lambda tally: tally.flags), sep="\n")


if __name__ == "__main__":
    main()
