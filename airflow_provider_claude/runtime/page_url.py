"""Where the page of a run is, below the path of `[api] base_url`."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from airflow.providers.common.compat.sdk import conf

#: Where the app of the plugin is mounted. Airflow reserves some other prefixes.
PREFIX = "/claude"


def base() -> str:
    """The path of `[api] base_url`, without a slash at its end."""
    return urlsplit(_base_url()).path.rstrip("/")


def page(dag_id: str, run_id: str, *, part: str = "", **query: str) -> str:
    """The path of the page of a run; *part*: what else there is of it."""
    below = f"/{part}" if part else ""
    return f"{base()}{PREFIX}/run/{quote(dag_id, safe='')}{below}?{urlencode({'run_id': run_id, **query})}"


def page_link(dag_id: str, run_id: str) -> str:
    """The page of a run for readers outside Airflow: with its host, where `[api] base_url` has one."""
    scheme, host, *_ = urlsplit(_base_url())
    return (f"{scheme}://{host}" if host else "") + page(dag_id, run_id)


def page_with_host(dag_id: str, run_id: str) -> str:
    """The same; empty where `[api] base_url` has no host."""
    link = page_link(dag_id, run_id)
    return "" if link.startswith("/") else link


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback="/") or "/")
