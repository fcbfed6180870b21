"""No error of this package, nor what caused it, tells a secret."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_claude.errors import ApiUnavailableError, CredentialsError, JobError, MaskedError, without_secrets
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.masking import masked
from airflow_provider_claude.runtime.task_errors import task_errors
from airflow_provider_claude.simulator.process import SimulatorProcess

KEY = "k3y-0f-a-proxy"

TELLING = [
    f"Illegal header value b'{KEY}\\n'",
    f'Illegal header value: b"it\'s {KEY}"',
    f"x-api-key: {KEY}",
    f"{{'x-api-key': '{KEY}', 'accept': '*/*'}}",
    f"[(b'X-Api-Key', b'{KEY}'), (b'Host', b'api')]",
    f"Authorization: Bearer {KEY}",
    f"Headers({{'authorization': 'Basic {KEY}'}})",
    f"Proxy-Authorization=Basic {KEY}",
    f"sent Bearer {KEY} to it",
    f"https://user:{KEY}@api.example.com/v1 is gone",
    f"https://{KEY}@api.example.com/v1 is gone",
    f"(psycopg2.OperationalError) postgresql+psycopg2://etl:p/{KEY}@db:5432/mail",
    f"mysql://etl:p@ss{KEY}@db/mail",
    f"socks5://me:{KEY}@proxy:1080",
    f"password={KEY} host=db",
    f"AccountName=x;AccountKey={KEY};EndpointSuffix=core",
    f"https://blob.example.com/mail?sv=2024&sig={KEY}&se=1",
    f"https://b.s3.example.com/mail?X-Amz-Signature={KEY}",
    f"Session(aws_secret_access_key='{KEY}')",
    f'{{"client_secret": "{KEY}"}}',
    f"sk-ant-{KEY} is not accepted",
    f"sk-proj-{KEY} is not accepted",
    f"POST https://hooks.slack.com/services/T0/B0/{KEY} timed out",
    f"https://shop.webhook.office.com/webhookb2/{KEY} said 410",
]

PLAIN = [
    "s3://aws_mail@bucket/mail: no such file",
    "http://localhost:8765/a@b.example is not there",
    'Write it as JSON: \'{"conn_type": "anthropic", "password": "<API key>"}\'.',
    "[core] fernet_key = <new>,<old>",
    "Put a valid API key into the password of the connection 'shop' (conn_id).",
    "The first item used 1,234 input tokens: it works",
    "max_tokens is 0: write a whole number",
    "task-1234567890123456789 failed",
    "the proxy asks for basic authentication. It has none",
    "sk-learn-notes-of-2026.eml cannot be read",
    "id:m-7 means several rows; place:<source_ref>",
]


@pytest.mark.parametrize("text", TELLING)
def test_a_secret_is_taken_out_of_a_text(text: str) -> None:
    assert KEY not in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("kind", [JobError, CredentialsError, ApiUnavailableError])
def test_every_error_of_ours_is_masked_also_when_it_was_pickled(kind: type[Exception]) -> None:
    error = kind(f"could not: {TELLING[0]}")
    assert KEY not in str(error) + repr(error) + str(pickle.loads(pickle.dumps(error)))


@pytest.mark.parametrize("text", TELLING)
@pytest.mark.parametrize("kind", [ValueError, JobError, ApiUnavailableError])
def test_nothing_in_the_chain_of_causes_of_an_error_that_leaves_a_task_tells_a_secret(
    text: str, kind: type[Exception]
) -> None:
    with pytest.raises(Exception) as caught, task_errors():  # noqa: PT011 - of each kind
        raise caused(kind("could not"), caused(RuntimeError("the transport failed"), OSError(text)))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert isinstance(caught.value, AirflowFailException if kind is JobError else kind)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_an_error_of_another_library_that_tells_a_secret_is_replaced() -> None:
    with pytest.raises(MaskedError, match=r"OSError: https://\*\*\*@host"), task_errors():
        raise OSError("https://me:pw@host")


def test_a_group_of_errors_of_which_one_tells_a_secret_is_replaced() -> None:
    group = ExceptionGroup("several", [ValueError("fine"), OSError(TELLING[0])])
    assert KEY not in str(without_secrets(group))
    assert isinstance(without_secrets(group), MaskedError)


def test_an_error_without_secrets_keeps_its_causes() -> None:
    error = ValueError("no")
    error.__cause__ = OSError("disk full")
    assert without_secrets(error) is error
    assert error.__cause__ is not None


@pytest.mark.parametrize("header", [f"{KEY}\n", f"{KEY}\r\nX-More: 1", f"{KEY}\x00"])
@pytest.mark.parametrize("call", [lambda api: api.batch("msgbatch_1"), lambda api: api.create_message(b"{}")])
def test_a_header_that_http_refuses_is_reported_by_nothing_that_airflow_would_print(
    claude_simulator: SimulatorProcess, header: str, call: Callable[[Gateway], object]
) -> None:
    """h11 quotes it, and httpx and the SDK raise from that."""
    import anthropic

    client = anthropic.Anthropic(base_url=claude_simulator.base_url, api_key=header, max_retries=0)
    with pytest.raises(Exception) as caught, task_errors(), client:  # noqa: PT011 - the kind does not matter here
        call(Gateway(lambda: client))
    assert "header" in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["sk-" * 150_000, "https://" + "webhook" * 60_000])
def test_a_long_text_that_nearly_has_the_form_of_a_secret_is_masked_in_time_that_grows_with_its_length(
    text: str,
) -> None:
    assert KEY not in masked(f"{text} sk-ant-{KEY}")
