"""Airflow's Fernet key as a cipher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_claude.errors import (
    JobError,
    StateError,
)

if TYPE_CHECKING:
    from airflow_provider_claude.core.scan.pii.redaction import Cipher


def fernet() -> Cipher | None:
    """Airflow's Fernet key as a cipher, None where none is configured. Raises JobError where the configured one is invalid."""
    from cryptography.fernet import InvalidToken

    try:
        key = _get_fernet()
    except AirflowException as e:
        raise JobError(f"[core] fernet_key is not a Fernet key: {e}") from e
    if not key.is_encrypted:
        return None
    from airflow_provider_claude.core.scan.pii.redaction import Cipher

    def unseal(sealed: bytes) -> bytes:
        try:
            return bytes(key.decrypt(sealed))
        except InvalidToken as e:
            raise StateError(
                "This was encrypted with another Fernet key. Put that one behind the new one, "
                "[core] fernet_key = <new>,<old>, and try again."
            ) from e

    return Cipher(key.encrypt, unseal)


def _get_fernet() -> Any:
    try:
        from airflow.sdk.crypto import get_fernet
    except ImportError:  # older task SDKs have none
        from airflow.models.crypto import get_fernet
    return get_fernet()
