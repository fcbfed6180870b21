"""The formats of a source, by the suffix of a file. `sources.source` says who reads each of them."""

from __future__ import annotations

#: Formats by suffix, in lower case; a suffix of COMPRESSED may follow any of them but Parquet's.
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".eml": "eml",
    ".emlx": "eml",
    ".msg": "eml",
    ".mbox": "mbox",
}

FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))

COMPRESSED = frozenset({".gz", ".zst"})
