"""Optional dependencies are extras; a feature whose extra is not installed raises an error that names it."""

from __future__ import annotations

from importlib.util import find_spec

from airflow_provider_claude.errors import JobError

#: The worker of `not_installed` in what a report says: it is read elsewhere.
OF_REPORT = "the worker that wrote the report"

#: By extra, the modules it brings.
_MODULES = {
    "consistency": ("scipy",),
    "duckdb": ("duckdb",),
    "mail": ("olefile", "asn1crypto", "compressed_rtf", "striprtf"),
    "near": ("datasketch",),
    "postgres": ("psycopg",),
    "redact": ("phonenumbers", "stdnum", "detect_secrets"),
}


def need(extra: str, what: str) -> None:
    """Raise JobError where *what* is asked for and *extra* is not installed."""
    absent = missing(extra)
    if absent:
        raise JobError(
            f"{what} needs {', '.join(absent)}, which is not installed on this worker. "
            f"Install 'airflow-provider-claude[{extra}]'."
        )


def not_installed(extra: str, worker: str = "this worker") -> str:
    """Why what *extra* is for is left out on *worker*; empty where it is installed."""
    absent = missing(extra)
    return f"{', '.join(absent)} is not installed on {worker}" if absent else ""


def missing(extra: str) -> list[str]:
    """The modules of *extra* that are not installed."""
    return [name for name in _MODULES[extra] if find_spec(name) is None]
