from __future__ import annotations

import pytest

from airflow_provider_claude import extras
from airflow_provider_claude.errors import JobError


@pytest.mark.parametrize("extra", ["consistency", "mail", "near", "postgres", "redact"])
def test_an_extra_that_is_installed_is_no_trouble(extra: str) -> None:
    extras.need(extra, "this")


def test_one_that_is_not_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras._MODULES, "near", ("there_is_no_such_module",))
    with pytest.raises(JobError, match=r"needs there_is_no_such_module.* Install 'airflow-provider-claude\[near\]'"):
        extras.need("near", "near_duplicates")
