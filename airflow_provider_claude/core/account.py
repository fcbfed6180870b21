"""Whose batches and answers they are: an account is a platform, a base URL and a workspace, not a key, which rotates.

A batch belongs to the workspace it was created in, and any key of that workspace sees it
(https://platform.claude.com/docs/en/build-with-claude/batch-processing). The API names the workspace, and the organization,
in the headers of each response (https://platform.claude.com/docs/en/api/overview).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from airflow_provider_claude.errors import CredentialsError, StateError

WORKSPACE_HEADER = "anthropic-workspace-id"
ORGANIZATION_HEADER = "anthropic-organization-id"

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace `workspace` of the API at `base_url`, as `platform` (`anthropic`, `aws`) serves it."""

    platform: str
    base_url: str
    workspace: str

    def __str__(self) -> str:
        served = "" if self.platform == "anthropic" else f" ({self.platform})"
        return f"workspace {self.workspace} at {self.base_url}{served}"

    @property
    def fingerprint(self) -> str:
        """What names the account's folder: 16 hexadecimal digits."""
        identity = f"{self.platform}\n{self.base_url}\n{self.workspace}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


#: The account of a run without items: it asks nothing.
NO_ACCOUNT = Account(platform="", base_url="", workspace="")


def normal_url(url: str) -> str:
    """*url* in the one form that is compared: scheme and host in lower case, no default port, user, query or last slash."""
    parts = urlsplit(url.strip())
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    name = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(scheme)} else f":{parts.port}"
    return f"{scheme}://{name}{port}{parts.path.rstrip('/')}"


def account_of(platform: str, base_url: str, headers: Mapping[str, str], stated: str = "") -> Account:
    """The account that answered with *headers*; *stated* is the workspace that the connection names, if it names one.

    A key of the default workspace may have no workspace header: the organization stands for it. Raises CredentialsError
    where the API names another workspace than *stated*, and where neither of them names one.
    """
    url, said = normal_url(base_url), headers.get(WORKSPACE_HEADER, "")
    if stated and said and stated != said:
        raise CredentialsError(
            f"The connection's workspace is {stated!r}, and {url} says that its key is of workspace {said!r}. Write "
            f"a key of {stated!r}, or correct the workspace in the connection's extra. Nothing was sent"
        )
    default = f"default of {headers[ORGANIZATION_HEADER]}" if headers.get(ORGANIZATION_HEADER) else ""
    workspace = stated or said or default
    if not workspace:
        raise CredentialsError(
            f"{url} does not say which workspace its key is of; a proxy may have dropped the headers. Answers and batches "
            'belong to a workspace: write its id into the connection\'s extra, {"workspace": "wrkspc_..."}, or a name that '
            "no other connection to this host has. Nothing was sent"
        )
    return Account(platform=platform, base_url=url, workspace=workspace)


def check_same(planned: Account, connected: Account, what: str = "This run") -> None:
    """Raise StateError where *connected* is not the account that *what* was *planned* with."""
    if planned != connected:
        raise StateError(
            f"{what} belongs to {planned}, and the connection (conn_id) leads to {connected}, where its batches and answers "
            "do not exist. Nothing was sent. Use a connection to the first; or, to send and pay for all rows again here, "
            "give it a separate work folder (work), or remove the run folder."
        )
