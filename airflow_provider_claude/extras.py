"""Optional dependencies are extras; a feature whose extra is not installed raises an error that names it."""

from __future__ import annotations

from importlib.util import find_spec

from airflow_provider_claude.errors import JobError

#: By extra, the modules it brings.
_MODULES = {
    "consistency": ("scipy", "statsmodels"),
    "mail": ("olefile", "asn1crypto", "compressed_rtf", "striprtf"),
    "near": ("datasketch",),
    "redact": ("phonenumbers", "stdnum", "detect_secrets"),
}


def need(extra: str, what: str) -> None:
    """Raise JobError where *what* is asked for and *extra* is not installed."""
    missing = [name for name in _MODULES[extra] if find_spec(name) is None]
    if missing:
        raise JobError(
            f"{what} needs {', '.join(missing)}, which is not installed on this worker. "
            f"Install 'airflow-provider-claude[{extra}]'."
        )
