"""What a DAG says about redaction, checked when it is parsed, and completed with Airflow's Fernet key when it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from airflow_provider_claude.core.scan.pii.national_ids import COUNTRIES
from airflow_provider_claude.core.scan.pii.redaction import KINDS, Redacting, check
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.runtime.fernet import fernet


def redacting_of(
    redact: Sequence[str] | bool,  # noqa: FBT001 - True means every kind
    *,
    mapping: bool = False,
    region: str | None = None,
    countries: Sequence[str] | None = None,
) -> Redacting | None:
    """The kinds to redact, None for nothing. Raises JobError for a kind or country that is not known, and for a *region*
    that is no country's two letters.
    """
    if not redact:
        if mapping or region:
            name = "redaction_mapping" if mapping else "redact_region"
            raise JobError(f"{name} is set, but nothing is redacted: write redact=True, or a list of kinds.")
        return None
    if region is not None and not re.fullmatch("[A-Z]{2}", region):
        raise JobError(f"redact_region is {region!r}: write a country's two letters, such as 'US'.")
    kinds = tuple(KINDS) if redact is True else tuple([redact] if isinstance(redact, str) else redact)
    known = COUNTRIES if countries is None else tuple(countries)
    check(kinds, known)
    return Redacting(kinds=kinds, region=region, countries=known, mapping=mapping)


def with_cipher(redacting: Redacting | None) -> Redacting | None:
    """*redacting* with Airflow's Fernet key. Raises JobError where its mapping needs one and there is none."""
    if redacting is None:
        return None
    cipher = fernet()
    if cipher is None and redacting.mapping:
        raise JobError(
            "redaction_mapping=True needs a Fernet key, and none is configured: set [core] fernet_key "
            "(AIRFLOW__CORE__FERNET_KEY) for the workers. Nothing was read and nothing was sent."
        )
    return replace(redacting, cipher=cipher)


def carried_as_they_are(carry: Sequence[str], sent: Sequence[str], redacting: Redacting | None) -> list[str]:
    """The columns of *carry* that keep their types: those that are *sent* as well are carried as they are sent, where texts
    are redacted.
    """
    return [name for name in carry if redacting is None or name not in sent]
