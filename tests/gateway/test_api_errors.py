"""Every error that the API is known to answer with is one of ours, of the right kind, and says what to do."""

from __future__ import annotations

import json
import pickle
from typing import Any

import httpx2
import pytest

from airflow_provider_claude.errors import (
    ApiUnavailableError,
    BatchesRefusedError,
    BillingError,
    ClaudeError,
    CredentialsError,
    NotFoundYetError,
    RateLimitedError,
    RequestRejectedError,
    Terminal,
    Transient,
    UnknownFateError,
    WorkspaceError,
)
from airflow_provider_claude.gateway.api_codes import named
from airflow_provider_claude.gateway.api_errors import api_errors, retry_after


def caught(
    status: int,
    kind: Any = "invalid_request_error",
    code: Any = None,
    *,
    message: Any = "It is so.",
    headers: dict[str, str] | None = None,
    body: Any = None,
    **how: Any,
) -> ClaudeError:
    """What becomes of an answer of the API, through the SDK's own error."""
    import anthropic

    details = {} if code is None else {"details": {"error_code": code, "more": 1}}
    content = {"type": "error", "error": {"type": kind, "message": message, **details}} if body is None else body
    response = httpx2.Response(
        status, headers=headers, json=content, request=httpx2.Request("POST", "https://api.example/v1/messages/batches")
    )
    client = anthropic.Anthropic(api_key="k")
    with pytest.raises(ClaudeError) as error, api_errors("do it", **how):
        raise client._make_status_error_from_response(response)
    return error.value


BARE: list[tuple[int, str, type[ClaudeError]]] = [
    (400, "invalid_request_error", RequestRejectedError),
    (401, "authentication_error", CredentialsError),
    (402, "billing_error", BillingError),
    (403, "permission_error", CredentialsError),
    (404, "not_found_error", RequestRejectedError),
    (408, "timeout_error", UnknownFateError),
    (409, "conflict_error", ApiUnavailableError),
    (412, "invalid_request_error", RequestRejectedError),
    (413, "request_too_large", RequestRejectedError),
    (422, "invalid_request_error", RequestRejectedError),
    (429, "rate_limit_error", RateLimitedError),
    (431, "invalid_request_error", RequestRejectedError),
    (499, "invalid_request_error", UnknownFateError),
    (500, "api_error", UnknownFateError),
    (503, "api_error", ApiUnavailableError),
    (504, "timeout_error", UnknownFateError),
    (529, "overloaded_error", ApiUnavailableError),
    (599, "a word of tomorrow", UnknownFateError),
]


@pytest.mark.parametrize(("status", "kind", "ours"), BARE)
def test_every_status_has_its_kind(status: int, kind: str, ours: type[ClaudeError]) -> None:
    error = caught(status, kind)
    assert type(error) is ours
    assert f"Could not do it: HTTP {status} {kind}" in str(error)


CODED: list[tuple[int, str, type[ClaudeError], str]] = [
    (400, "workspace_human_review_disabled", BatchesRefusedError, "An admin of the workspace has to change it"),
    (400, "cmek_key_disabled", WorkspaceError, "key management service"),
    (400, "cmek_key_network_blocked", WorkspaceError, "key management service"),
    (503, "cmek_key_unreachable", ApiUnavailableError, "key management service"),
    (503, "cmek_context_unavailable", ApiUnavailableError, "within minutes"),
    (400, "organization_on_hold", WorkspaceError, "can appeal"),
    (400, "organization_type_not_supported", WorkspaceError, "conn_id"),
    (400, "parent_organization_required", WorkspaceError, "conn_id"),
    (400, "organization_not_enrolled_in_beta", WorkspaceError, "extra"),
    (403, "sandbox_egress_restricted", WorkspaceError, "sandbox"),
    (400, "user_profile_required", WorkspaceError, "user profile"),
    (400, "user_profile_not_found", WorkspaceError, "user profile"),
    (403, "user_profile_not_billable", WorkspaceError, "user profile"),
    (403, "user_profile_billing_not_authorized", WorkspaceError, "user profile"),
    (402, "linked_organization_billing_unavailable", BillingError, "corrected"),
    (402, "linked_organization_spend_limit_reached", BillingError, "limit"),
    (429, "enforced_spend_limit_reached", BillingError, "1st of the month"),
    (429, "contract_spend_limit_reached", BillingError, "contract"),
    (400, "enforced_spend_limit_reached", BillingError, "1st of the month"),
    (429, "ramp_limit_exceeded", RateLimitedError, "by itself"),
    (400, "request_body_timeout", ApiUnavailableError, "shard_bytes"),
    (400, "request_body_encoding_invalid", RequestRejectedError, "proxy"),
    (400, "request_body_encoding_unsupported", RequestRejectedError, "proxy"),
    (400, "unsupported_charset", RequestRejectedError, "proxy"),
    (413, "request_body_too_large_after_decoding", RequestRejectedError, "shard_bytes"),
]


@pytest.mark.parametrize(("status", "code", "ours", "does"), CODED)
@pytest.mark.parametrize("creating", [False, True])
def test_every_code_has_its_kind_and_says_what_to_do(
    status: int, code: str, ours: type[ClaudeError], does: str, creating: bool
) -> None:
    error = caught(status, "x_error", code, creating=creating)
    assert type(error) is ours
    assert f"code {code}" in str(error)
    assert does in str(error)


@pytest.mark.parametrize(("status", "code", "ours", "does"), CODED)
def test_whether_a_retry_can_help_is_as_the_code_says(
    status: int, code: str, ours: type[ClaudeError], does: str
) -> None:
    passing = {"cmek_key_unreachable", "cmek_context_unavailable", "ramp_limit_exceeded", "request_body_timeout"}
    assert issubclass(ours, Transient if code in passing else Terminal)


def test_a_refused_workspace_is_reported_the_other_lane_and_its_parameter() -> None:
    message = str(caught(400, code="workspace_human_review_disabled", creating=True))
    assert "refused_batches='sync'" in message
    assert "full price" in message


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_creation_that_is_refused_for_what_it_is_tells_of_the_other_lane(status: int) -> None:
    error = caught(status, "permission_error", creating=True)
    assert type(error) is BatchesRefusedError
    assert "refused_batches='sync'" in str(error)


@pytest.mark.parametrize("status", [301, 401, 402, 413, 429, 500, 503, 504, 529])
def test_no_other_refusal_of_a_creation_is_taken_for_one_of_batches(status: int) -> None:
    assert not isinstance(caught(status, "x_error", creating=True), BatchesRefusedError)


@pytest.mark.parametrize(
    "message",
    [
        "Your credit balance is too low to access the API.",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
        "You have reached the spend limit you set.",
        "This request would exceed your organization's spending limit.",
    ],
)
@pytest.mark.parametrize("creating", [False, True])
def test_a_limit_of_the_users_own_without_a_code_is_a_matter_of_money(message: str, creating: bool) -> None:
    assert type(caught(400, message=message, creating=creating)) is BillingError


@pytest.mark.parametrize(
    "message", ["messages.0.content: Your credit balance is too low", "model: spend limit", "prompt is too long", ""]
)
def test_a_complaint_about_the_request_is_not(message: str) -> None:
    assert type(caught(400, message=message)) is RequestRejectedError


@pytest.mark.parametrize("message", [None, 7, ["x"], {"a": "b"}])
@pytest.mark.parametrize("code", [None, 7, ["x"], {"a": 1}, "x" * 9_000, "a\nb\x1b[31m"])
def test_words_that_are_none_break_nothing_and_stay_on_one_short_line(message: Any, code: Any) -> None:
    error = caught(400, ["no", "word"], code, message=message)
    assert type(error) is RequestRejectedError
    assert len(str(error)) < 600
    assert str(error).isprintable()


@pytest.mark.parametrize("body", ["<html>", [], 7, {"error": []}, {"error": {"details": "x"}}])
def test_a_body_that_is_no_error_of_the_api_is_a_proxys(body: Any) -> None:
    assert "a proxy may have sent it" in str(caught(400, body=body))


def test_a_batch_that_should_exist_may_be_known_in_a_moment() -> None:
    unknown = caught(404, "not_found_error", missing_is_transient=True)
    assert type(unknown) is NotFoundYetError
    assert "is of another workspace" in str(unknown)


def test_a_proxys_page_does_not_say_that_there_is_no_such_batch() -> None:
    assert type(caught(404, body="<html>", missing_is_transient=True)) is ApiUnavailableError


def test_a_key_that_may_not_is_distinguished_from_one_that_is_wrong() -> None:
    forbidden, wrong = caught(403, "permission_error", credentials="Put it right."), caught(401, "authentication_error")
    assert isinstance(forbidden, CredentialsError)
    assert isinstance(wrong, CredentialsError)
    assert (forbidden.forbidden, wrong.forbidden) == (True, False)
    assert str(forbidden).endswith("Put it right.")


@pytest.mark.parametrize("error", [CredentialsError("a", forbidden=True), BatchesRefusedError("b")])
def test_an_error_survives_the_way_to_another_process(error: ClaudeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


DATE = {"date": "Mon, 30 Nov 2026 06:00:00 GMT"}


@pytest.mark.parametrize(
    ("value", "headers", "seconds"),
    [
        ("10", {}, 10.0),
        ("0.25", {}, 0.25),
        ("-3", {}, 0.0),
        ("nan", {}, None),
        ("inf", {}, None),
        ("soon", {}, None),
        ("", {}, None),
        ("Mon, 30 Nov 2026 06:01:30 GMT", DATE, 90.0),
        ("Mon, 30 Nov 2026 05:00:00 GMT", DATE, 0.0),
        ("Mon, 30 Nov 2026 06:01:30 GMT", {}, None),
        ("Mon, 30 Nov 99999 06:01:30 GMT", DATE, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(
    value: str, headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after({"retry-after": value, **headers}) == seconds
    assert retry_after(headers) is None


def test_no_message_of_an_attacker_costs_much_time() -> None:
    assert named(400, "invalid_request_error", None, json.dumps("You " * 200_000)[1:-1]).kind is None
