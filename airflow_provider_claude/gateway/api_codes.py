"""The API's error codes by name: which kind of error each is, and what to do about it.

A code (`error.details.error_code`) is stable, a message is not (the SDK's `APIStatusError`). Codes of calls that this package
does not make (files, threads, administration) are not here: they end as their status says.

Sources: https://platform.claude.com/docs/en/api/errors, …/api/rate-limits, and the SDK's `_error_classes.py` with the
`…_error_details.py` of 2.14.0. The code is read from the answer, so that the SDK may be older than the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from airflow_provider_claude.errors import (
    ApiUnavailableError,
    BatchesRefusedError,
    BillingError,
    ClaudeError,
    RateLimitedError,
    RequestRejectedError,
    WorkspaceError,
)


class Named(NamedTuple):
    """What is known about an error: its *kind*, None if its status decides, and what to *do*, empty if that is obvious."""

    kind: type[ClaudeError] | None
    do: str


#: What follows where a batch is refused, and a message may not be.
NO_BATCHES = (
    "The Messages API may still be open:  refused_batches='sync' (of Plan, or of ClaudePlanOperator) asks all rows there, "
    "at full price; the log of the plan says how much that is."
)

_ADMIN = "An admin of the workspace has to change it in the Console"
_PROFILE = "Take the user profile out of the connection's extra, or have it corrected"
_UNCHANGED = "A proxy on the way has changed the body: let it pass as it is."
_SMALLER = "Write a smaller shard_bytes (plan); one long text is cut by max_chars (scan)."

_CODES: Mapping[str, Named] = {
    "workspace_human_review_disabled": Named(
        BatchesRefusedError,
        f"The review setting of the workspace bars it from Message Batches. {_ADMIN}. {NO_BATCHES}",
    ),
    "cmek_key_disabled": Named(
        WorkspaceError,
        "The encryption key of the workspace is disabled or revoked: enable it in your key management service.",
    ),
    "cmek_key_network_blocked": Named(
        WorkspaceError,
        "The network rules of your key management service block the API: let it reach the workspace's encryption key.",
    ),
    "cmek_key_unreachable": Named(
        ApiUnavailableError,
        "If it persists, check that the workspace's encryption key is available in your key management service.",
    ),
    "cmek_context_unavailable": Named(ApiUnavailableError, "This passes within minutes."),
    "organization_on_hold": Named(
        WorkspaceError, "The organization is disabled, for reasons of trust and safety: an admin of it can appeal."
    ),
    "organization_type_not_supported": Named(
        WorkspaceError,
        "The call is not open to organizations of this type: use the connection of another one (conn_id).",
    ),
    "parent_organization_required": Named(
        WorkspaceError, "The call is not open to this organization: use the connection of another one (conn_id)."
    ),
    "organization_not_enrolled_in_beta": Named(
        WorkspaceError, "Take the beta out of the connection's extra, or have the organization enrolled."
    ),
    "sandbox_egress_restricted": Named(
        WorkspaceError, "The worker runs in a sandbox whose network is restricted: run it outside, or lift that."
    ),
    "user_profile_required": Named(WorkspaceError, "Name a user profile in the connection's extra."),
    "user_profile_not_found": Named(WorkspaceError, f"{_PROFILE}."),
    "user_profile_not_billable": Named(WorkspaceError, f"{_PROFILE}."),
    "user_profile_billing_not_authorized": Named(WorkspaceError, f"{_PROFILE}."),
    "linked_organization_billing_unavailable": Named(
        BillingError, "The organization of the user profile cannot be billed: its own account has to be corrected."
    ),
    "linked_organization_spend_limit_reached": Named(
        BillingError, "The organization of the user profile has no credit, or has reached its own limit."
    ),
    "enforced_spend_limit_reached": Named(
        BillingError,
        "The organization has used up the month's limit of its tier: move it to a higher tier in the Console (Limits), or wait "
        "for the 1st of the month, 00:00 UTC.",
    ),
    "contract_spend_limit_reached": Named(
        BillingError, "The limit of the contract is reached: have it raised by your contact at the API's provider."
    ),
    "ramp_limit_exceeded": Named(
        RateLimitedError, "Use may grow only so fast: what was asked for comes later by itself, without paying twice."
    ),
    "request_body_timeout": Named(
        ApiUnavailableError,
        "The body came too slowly and was not accepted. If this persists, write a smaller shard_bytes (plan).",
    ),
    "request_body_encoding_invalid": Named(RequestRejectedError, _UNCHANGED),
    "request_body_encoding_unsupported": Named(RequestRejectedError, _UNCHANGED),
    "unsupported_charset": Named(RequestRejectedError, _UNCHANGED),
    "request_body_too_large_after_decoding": Named(RequestRejectedError, _SMALLER),
}

_STATUSES: Mapping[int, Named] = {
    402: Named(None, "Add credit, or raise the limit, in the Console (Billing)."),
    413: Named(None, _SMALLER),
}

#: A spend limit of the user's own comes as a 400 without a code (…/api/errors), and so does an account without credit.
_SPENT = re.compile(r"(You|Your|This) [\w' ]{0,60}\b((spend(ing)?|usage) limits?|credit balance)\b")


def named(status: int, kind: Any, code: Any, message: Any) -> Named:
    """What is known of an error of the API with this *status*, *kind* (`error.type`), *code* and *message*, which may be
    anything: they were not checked.
    """
    if isinstance(code, str) and code in _CODES:
        return _CODES[code]
    if status == 400 and kind == "invalid_request_error" and isinstance(message, str) and _SPENT.match(message):
        return Named(BillingError, "Add credit, or raise the limit, in the Console (Billing, Limits).")
    return _STATUSES.get(status, Named(None, ""))
