from __future__ import annotations

import re

import pytest

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.runtime.paths import run_folder, to_path


@pytest.mark.parametrize(
    ("uri", "package"),
    [
        ("s3://bucket/out", "apache-airflow-providers-amazon[s3fs]"),
        ("gs://bucket/out", "apache-airflow-providers-google"),
        ("abfs://container/out", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_a_store_that_is_not_installed_is_named_with_its_package(
    uri: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(uri: str) -> None:
        raise ValueError("No filesystem registered")

    monkeypatch.setattr("airflow_provider_claude.runtime.paths.ObjectStoragePath", absent)
    with pytest.raises(JobError, match=f"{uri} is on no store .*Install {re.escape(package)} on all workers"):
        to_path(uri)


def test_a_scheme_that_no_store_has_and_a_relative_run_folder_are_refused() -> None:
    with pytest.raises(JobError, match=r"s4://bucket/out is on no store .*a URI of s3://"):
        to_path("s4://bucket/out")
    with pytest.raises(JobError, match="'work/mail' is a relative path, which is another folder for each worker"):
        run_folder("work/mail")


@pytest.mark.parametrize("uri", ["answers", "./answers", "../answers", ""])
def test_a_relative_path_is_refused_on_every_airflow(uri: str) -> None:
    with pytest.raises(JobError, match=r"is a relative path, .*: write an absolute path, or a URI such as"):
        to_path(uri)
