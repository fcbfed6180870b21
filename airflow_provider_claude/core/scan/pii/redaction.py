"""What is to be redacted, as a DAG says it. Free of pyarrow, so that parsing a DAG file stays cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from airflow_provider_claude.core.scan.pii.national_ids import COUNTRIES
from airflow_provider_claude.errors import JobError

#: What can be found, and how its tokens begin.
KINDS: Mapping[str, str] = {
    "email": "EMAIL",
    "phone": "PHONE",
    "card": "CARD",
    "iban": "IBAN",
    "national_id": "ID",
    "secret": "SECRET",
}


class Cipher(NamedTuple):
    """Seals bytes, as text without a line break, and opens them again. *unseal* raises StateError for another's seal."""

    seal: Callable[[bytes], bytes]
    unseal: Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Redacting:
    """What a scan replaces by tokens (see core.scan.pii.replace.Redactor). With *mapping* it keeps what they stand for, sealed
    by *cipher*, which it cannot do without one.
    """

    kinds: Sequence[str]
    region: str | None = None
    countries: Sequence[str] = COUNTRIES
    mapping: bool = False
    cipher: Cipher | None = None


def check(kinds: Iterable[str], countries: Iterable[str] = COUNTRIES) -> None:
    """Raises JobError where one of *kinds* or one of *countries* is not known."""
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise JobError(f"redact names {', '.join(map(repr, unknown))}; there are {', '.join(KINDS)}.")
    if unknown := [country for country in countries if country not in COUNTRIES]:
        known = ", ".join(COUNTRIES)
        raise JobError(f"redact_countries names {', '.join(map(repr, unknown))}; there are {known}.")
