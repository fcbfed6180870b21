"""A connection is checked before it is used: each error names the connection and what to write."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.errors import CredentialsError

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONN_TYPE = "anthropic"

#: The platforms that serve the Message Batches API.
PLATFORMS = ("anthropic", "aws")

_URL = re.compile(r"https?://[^\s/?#]+[^\s?#]*", re.IGNORECASE)
_OWN_MACHINE = re.compile(
    r"localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|0\.0\.0\.0|\[|host\.docker|[^.]+(:\d+)?$"
)


def how_to_set(conn_id: str) -> str:
    """Where the connection *conn_id* is set, as a sentence for people."""
    return (
        f"Set it under Admin > Connections, or as {_variable(conn_id)}="
        f"""'{{"conn_type": "{CONN_TYPE}", "password": "<API key>"}}', for the workers and the triggerer."""
    )


def named(conn_id: str) -> str:
    """The sentence that follows an API's refusal of a key."""
    return f"Put a valid API key into the password of the connection {conn_id!r} (conn_id). {how_to_set(conn_id)}"


def missing(conn_id: str) -> CredentialsError:
    """The error for a connection that Airflow does not have."""
    if os.environ.get(_variable(conn_id)):
        return CredentialsError(
            f"{_variable(conn_id)} is set, and Airflow cannot read it as a connection. Write it as JSON: "
            f"""'{{"conn_type": "{CONN_TYPE}", "password": "<API key>"}}'."""
        )
    return CredentialsError(f"There is no Airflow connection {conn_id!r} (conn_id). {how_to_set(conn_id)}")


def check_connection(connection: Connection, conn_id: str) -> None:
    """Raise CredentialsError where *connection* cannot reach an API that has Message Batches."""
    extra: Mapping[str, Any] = connection.extra_dejson
    wrong = _of_type(connection) or _of_platform(extra) or _of_host(connection, extra) or _of_key(connection)
    if wrong:
        raise CredentialsError(f"Connection {conn_id!r} {wrong} {how_to_set(conn_id)}")


def no_key(conn_id: str) -> CredentialsError:
    """The error for a connection without any credentials."""
    return CredentialsError(
        f"Connection {conn_id!r} has no API key, and none is in the environment. Write the key as its password. "
        f"{how_to_set(conn_id)}"
    )


def _of_type(connection: Connection) -> str | None:
    kind = connection.conn_type
    return None if kind == CONN_TYPE else f"is of the type {kind!r}: write the type {CONN_TYPE!r}."


def _of_platform(extra: Mapping[str, Any]) -> str | None:
    platform = str(extra.get("platform") or PLATFORMS[0]).lower()
    if platform in PLATFORMS:
        return None
    return (
        f"is for the platform {platform!r}, which has no Message Batches API. "
        f"Use a connection for {' or '.join(PLATFORMS)}."
    )


def _of_host(connection: Connection, extra: Mapping[str, Any]) -> str | None:
    host = str((extra.get("anthropic_client_kwargs") or {}).get("base_url") or connection.host or "")
    if not host and not connection.port:
        return None
    if not _URL.fullmatch(host):
        return f"has the host {host!r}, which is not a URL: write {_url(host, connection.port)!r}, or leave it empty."
    if connection.port:
        return f"has a port of its own, which is not used: write it in the host, {_url(host, connection.port)!r}."
    if host.rstrip("/").endswith("/v1"):
        return f"has the host {host!r}: leave out /v1, which every call adds."
    return None


def _of_key(connection: Connection) -> str | None:
    key = connection.password or ""
    if all("!" <= letter <= "~" for letter in key):
        return None
    return "has a password with a blank, a line break or another character that no API key has: write the key alone."


def _url(host: str, port: int | None) -> str:
    """What was probably meant by *host*."""
    scheme, _, rest = host.strip().rpartition("://")
    rest = rest.lstrip("/") or "api.anthropic.com"
    if port and not re.search(r":\d+(/|$)", rest):
        name, slash, path = rest.partition("/")
        rest = f"{name}:{port}{slash}{path}"
    known = scheme.lower() if scheme.lower() in {"http", "https"} else ""
    return f"{known or ('http' if _OWN_MACHINE.match(rest) else 'https')}://{rest}"


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"
