"""A connection is checked before it is used: each error names the connection and what to write."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.errors import CredentialsError
from airflow_provider_claude.masking import masked

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONN_TYPE = "anthropic"

#: The platforms that serve the Message Batches API.
PLATFORMS = ("anthropic", "aws")

_URL = re.compile(r"https?://[^\s/?#]+[^\s?#]*", re.IGNORECASE)
_LOGIN = re.compile(r"//[^/?#]*@")
_LOGIN_MESSAGE = (
    "has a user or a password in its host, where errors and records would show it: write the host without it, and give it as a "
    'header, extra {"anthropic_client_kwargs": {"default_headers": {"Authorization": "<value>"}}}.'
)
_QUOTES = frozenset("\"'`")

#: Shorter values are no secrets, and masking them would make logs unreadable.
_LEAST_MASKED = 8

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
    wrong = _of_type(connection) or _of_platform(extra) or _of_host(connection, extra) or _of_keys(connection, extra)
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
    if _LOGIN.search(host):
        return _LOGIN_MESSAGE
    if not _URL.fullmatch(host):
        return f"has the host {host!r}, which is not a URL: write {_url(host, connection.port)!r}, or leave it empty."
    if connection.port:
        return f"has a separate port, which is not used: write it in the host, {_url(host, connection.port)!r}."
    if host.rstrip("/").endswith("/v1"):
        return f"has the host {host!r}: leave out /v1, which every call adds."
    return None


def _of_keys(connection: Connection, extra: Mapping[str, Any]) -> str | None:
    given = {"a password": connection.password or "", **_credentials(extra)}
    return next((wrong for name, value in given.items() if (wrong := _of_value(name, value))), None)


def _credentials(extra: Mapping[str, Any]) -> dict[str, str]:
    """What the SDK's client is given as credentials or headers by *extra*, by what to call it."""
    kwargs = extra.get("anthropic_client_kwargs")
    if not isinstance(kwargs, Mapping):
        return {}
    keys = {f"in anthropic_client_kwargs {name!r}": kwargs.get(name) for name in ("api_key", "auth_token")}
    headers = kwargs.get("default_headers")
    more = {f"a header {masked(str(name))[:60]!r}": value for name, value in _items(headers)}
    return {name: value for name, value in {**keys, **more}.items() if isinstance(value, str)}


def _items(headers: object) -> Iterable[tuple[object, object]]:
    return headers.items() if isinstance(headers, Mapping) else ()


def _of_value(name: str, value: str) -> str | None:
    """What is wrong with the key or header *value*, which is called *name*. Never says the value."""
    is_header = name.startswith("a header")
    if not all(("!" if not is_header else " ") <= letter <= "~" for letter in value) or value != value.strip():
        return (
            f"has {name} with a blank, a line break or another character that no API key has: write the key alone, "
            "without a line end."
            if not is_header
            else f"has {name} with a line break, blanks around it, or a character that headers cannot have."
        )
    if value[:1] in _QUOTES or value[-1:] in _QUOTES:
        return f"has {name} with quotes around it: write it without them."
    return None


def check_client(client: Any, conn_id: str) -> None:
    """Raise CredentialsError where *client* would send a header that is none, or has a password in its address.

    Its key may come from the environment; HTTP libraries quote such a value in their errors.
    """
    wrong = _LOGIN_MESSAGE if client.base_url.userinfo else next(_wrong_headers(client), None)
    if wrong:
        raise CredentialsError(
            f"Connection {conn_id!r}, or the environment (ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL), {wrong} "
            f"{how_to_set(conn_id)}"
        )


def _wrong_headers(client: Any) -> Iterator[str]:
    for name, value in client.default_headers.items():
        if isinstance(value, str) and (wrong := _of_value(f"a header {name!r}", value)):
            yield wrong


def secrets_of(connection: Connection) -> list[str]:
    """What of *connection* Airflow has to mask in logs: its keys and the headers it adds, as they are sent."""
    given = [connection.password or "", *_credentials(connection.extra_dejson).values()]
    return [value.strip() for value in given if len(value.strip()) >= _LEAST_MASKED]


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
