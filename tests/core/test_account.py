"""Whose answers they are: a platform, a base URL in one form, a workspace."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_claude.core.account import Account, account_of, check_same, normal_url
from airflow_provider_claude.errors import CredentialsError, StateError

HERE = "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://API.Anthropic.com:443/", HERE),
        ("HTTPS://api.anthropic.com.", HERE),
        ("https://api.anthropic.com?beta=1#x", HERE),
        ("http://proxy:80/anthropic//", "http://proxy/anthropic"),
        ("http://proxy:443/", "http://proxy:443"),
        ("https://me:secret@proxy:4000/Team", "https://proxy:4000/Team"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_base_url_has_one_form_and_no_user_in_it(url: str, normal: str) -> None:
    assert normal_url(url) == normal
    assert normal_url(normal) == normal


def test_the_workspace_is_the_one_that_the_api_names() -> None:
    headers = {"anthropic-workspace-id": "wrkspc_a", "anthropic-organization-id": "o"}
    assert account_of("anthropic", HERE, headers).workspace == "wrkspc_a"
    assert account_of("anthropic", HERE, headers, "wrkspc_a").workspace == "wrkspc_a"


def test_without_a_workspace_of_its_own_a_key_is_of_the_default_one_of_its_organization() -> None:
    one, other = (account_of("anthropic", HERE, {"anthropic-organization-id": name}) for name in ("o1", "o2"))
    assert "o1" in one.workspace
    assert one != other


def test_a_workspace_that_is_not_the_stated_one_is_refused_by_both_names() -> None:
    with pytest.raises(CredentialsError, match=r"'wrkspc_b'.*'wrkspc_a'"):
        account_of("anthropic", HERE, {"anthropic-workspace-id": "wrkspc_a"}, "wrkspc_b")


def test_behind_a_proxy_that_drops_the_headers_the_workspace_has_to_be_stated() -> None:
    with pytest.raises(CredentialsError, match='"workspace"'):
        account_of("anthropic", "http://proxy:4000", {})
    assert account_of("anthropic", "http://proxy:4000", {}, "mail-production").workspace == "mail-production"


def test_platform_url_and_workspace_each_make_another_account() -> None:
    one = Account(platform="anthropic", base_url=HERE, workspace="wrkspc_a")
    others = [
        msgspec.structs.replace(one, platform="aws"),
        msgspec.structs.replace(one, base_url="http://127.0.0.1:8080"),
        msgspec.structs.replace(one, workspace="wrkspc_b"),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 4
    for other in others:
        with pytest.raises(StateError) as error:
            check_same(one, other)
        assert str(one) in str(error.value)
        assert str(other) in str(error.value)
