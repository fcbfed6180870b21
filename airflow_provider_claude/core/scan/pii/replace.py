"""Personal data and secrets replaced by tokens such as `[EMAIL-7f3a9c52d0e14b86]`. Pure and columnar.

The same value gives the same token under one key, whatever column, row or run it is in and however it is written;
under another key, another. Without the key a token's value cannot be found, not even by trying all phone numbers.
Text that already looks like a token is replaced by one, too: no text can fake another row's token.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.arrays import array, number_array
from airflow_provider_claude.core.scan.normalise import put
from airflow_provider_claude.core.scan.pii import cards, emails, ibans, national_ids, phones, secrets
from airflow_provider_claude.core.scan.pii.hits import Finder, Hit, each_text, without_overlap
from airflow_provider_claude.core.scan.pii.plain import plain
from airflow_provider_claude.core.scan.pii.redaction import KINDS, check

#: The kind of what only looks like one of our tokens.
FORGED = "token"

_LABELS = {**KINDS, FORGED: "TOKEN"}

#: Hex digits of a token: 64 bits. That any two of a million values share one has a chance of 1 to 37 million.
_DIGITS = 16

TOKEN = rf"\[(?:{'|'.join(_LABELS.values())})-[0-9a-f]{{{_DIGITS}}}\]"


class Pair(NamedTuple):
    """What a *token* stands for."""

    token: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """*texts* with tokens; by kind the rows (ascending) that had some; the distinct *pairs*, as they were met."""

    texts: pa.Array
    found: Mapping[str, Sequence[int]]
    counts: Mapping[str, int]
    pairs: Sequence[Pair]


@dataclass(frozen=True)
class Redactor:
    """Finds *kinds* and names what it finds by *key* (32 bytes).

    *region*: where phone numbers without a country code belong, such as `US`; None leaves them alone. *countries*:
    whose national ids count. Raises JobError where a kind, region or country is not known.
    """

    kinds: Sequence[str]
    key: bytes
    region: str | None = None
    countries: Sequence[str] = national_ids.COUNTRIES

    def __post_init__(self) -> None:
        check(self.kinds, self.countries)
        if self.region is not None and "phone" in self.kinds:
            phones.check_region(self.region)

    def redact(self, texts: pa.Array) -> Redacted:
        """The strings *texts* (nulls stay null) with tokens."""
        by_row = self._find(texts)
        if not by_row:
            return Redacted(texts, {}, {}, [])
        rows = sorted(by_row)
        pairs: dict[tuple[str, str], Pair] = {}
        counts: Counter[str] = Counter()
        found: dict[str, list[int]] = {}
        taken = texts.take(number_array(rows, pa.int64())).to_pylist()
        for n, text in enumerate(taken):
            hits = without_overlap(by_row[rows[n]])
            counts.update(hit.kind for hit in hits)
            for kind in {hit.kind for hit in hits}:
                found.setdefault(kind, []).append(rows[n])
            taken[n] = _replaced(text, hits, lambda hit: self._pair(hit, pairs).token)
        return Redacted(put(texts, rows, array(taken, texts.type)), found, counts, list(pairs.values()))

    def keyed(self, data: bytes) -> bytes:
        """A digest (32 bytes) of *data* that cannot be made without the key."""
        return hmac.digest(self.key, b"\0" + data, "sha256")

    def _find(self, texts: pa.Array) -> dict[int, list[Hit]]:
        by_row: dict[int, list[Hit]] = {}
        texts = plain(texts)
        for kind, finder in self._finders.items():
            for row, hits in finder(texts):
                by_row.setdefault(row, []).extend(hit._replace(kind=kind) for hit in hits)
        return by_row

    @cached_property
    def _finders(self) -> dict[str, Finder]:
        makers: dict[str, Callable[[], Finder]] = {
            "email": emails.finder,
            "phone": lambda: phones.finder(self.region),
            "card": cards.finder,
            "iban": ibans.finder,
            "national_id": lambda: national_ids.finder(self.countries),
            "secret": lambda: secrets.finder,
        }
        wanted = {kind: make() for kind, make in makers.items() if kind in self.kinds}
        return wanted | {FORGED: each_text(TOKEN, _find_tokens)}

    def _pair(self, hit: Hit, known: dict[tuple[str, str], Pair]) -> Pair:
        pair = known.get((hit.kind, hit.value))
        if pair is None:
            digest = hmac.digest(self.key, f"{hit.kind}\0{hit.value}".encode(), "sha256")
            pair = Pair(f"[{_LABELS[hit.kind]}-{digest.hex()[:_DIGITS]}]", hit.kind, hit.value)
            known[hit.kind, hit.value] = pair
        return pair


def _find_tokens(text: str) -> list[Hit]:
    return [Hit(*match.span(), match[0]) for match in re.finditer(TOKEN, text)]


def _replaced(text: str, hits: Sequence[Hit], token: Callable[[Hit], str]) -> str:
    """*text* with the token of each hit in its place; *hits* from left to right."""
    pieces: list[str] = []
    done = 0
    for hit in hits:
        pieces += text[done : hit.start], token(hit)
        done = hit.end
    return "".join([*pieces, text[done:]])
