"""A store that cannot say what is in it is an error with path, operation and remedy, and never an empty one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.errors import ClaudeError, DestinationError, JobError, StoreError
from airflow_provider_claude.store.check_store import check_store
from airflow_provider_claude.store.files import entries, exists, list_names, tree, write_new
from airflow_provider_claude.store.probe import probe
from airflow_provider_claude.store.records.record import read_record
from airflow_provider_claude.store.records.run_records import StoreRecord


class ServiceError(Exception):
    """As botocore has them: the code is in the response."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}}


class AzureError(Exception):
    """As Azure has them."""

    def __init__(self, code: str) -> None:
        super().__init__(f"ErrorCode:{code}")
        self.error_code = code


@pytest.fixture
def place(tmp_path: Path) -> UPath:
    return UPath(f"memory://{tmp_path.name}/work")


@pytest.fixture
def fails(place: UPath, monkeypatch: pytest.MonkeyPatch) -> Callable[[OSError, BaseException], None]:
    """Makes every call of the store fail with an error from a cause."""

    def arrange(error: OSError, cause: BaseException) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise error from cause

        for name in ("info", "isfile", "ls", "find", "open", "cat_file", "pipe_file", "put_file"):
            monkeypatch.setattr(type(place.fs), name, fail)

    return arrange


READS: list[Callable[[UPath], object]] = [
    exists,
    list_names,
    entries,
    tree,
    lambda path: read_record(path / "1.json", StoreRecord),
    lambda path: write_new(path / "1.json", b"{}"),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("cause", [ServiceError("NoSuchBucket"), AzureError("ContainerNotFound")])
def test_a_bucket_that_is_missing_is_no_empty_one(
    read: Callable[[UPath], object], cause: Exception, place: UPath, fails: Callable[..., None]
) -> None:
    fails(FileNotFoundError("The specified bucket does not exist"), cause)
    with pytest.raises(DestinationError, match="bucket or container does not exist") as missing:
        read(place)
    assert str(place) in str(missing.value)
    assert "Create the bucket" in str(missing.value)


@pytest.mark.parametrize("read", READS[:-1])
def test_a_file_that_is_missing_is_absent(
    read: Callable[[UPath], object], place: UPath, fails: Callable[..., None]
) -> None:
    fails(FileNotFoundError("The specified key does not exist."), ServiceError("NoSuchKey"))
    assert not read(place)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (PermissionError("The provided token has expired."), "ExpiredToken", "Renew the credentials"),
        (OSError(22, "The provided token must be refreshed."), "TokenRefreshRequired", "Renew the credentials"),
        (OSError(16, "Service Unavailable"), "503", "See that the store"),
    ],
)
def test_a_store_that_does_not_answer_is_no_empty_one_and_a_retry_may_help(
    read: Callable[[UPath], object], error: OSError, code: str, remedy: str, place: UPath, fails: Callable[..., None]
) -> None:
    fails(error, ServiceError(code))
    with pytest.raises(StoreError, match=r"Cannot (look for|list|read|write) ") as failed:
        read(place)
    for said in (str(place), str(error.strerror or error).rstrip("."), remedy):
        assert said in str(failed.value)


@pytest.mark.parametrize(
    ("error", "code", "kind", "remedy"),
    [
        (FileNotFoundError("No bucket"), "NoSuchBucket", DestinationError, "Create the bucket"),
        (PermissionError("The provided token has expired."), "ExpiredToken", DestinationError, "Renew the credentials"),
        (PermissionError("Access Denied"), "AccessDenied", DestinationError, "choose another folder"),
        (OSError(16, "Please reduce your request rate."), "SlowDown", StoreError, "See that the store"),
    ],
)
def test_before_anything_is_paid_each_fault_of_a_store_has_path_operation_and_remedy(
    error: OSError, code: str, kind: type[ClaudeError], remedy: str, place: UPath, fails: Callable[..., None]
) -> None:
    fails(error, ServiceError(code))
    for ask, operation in ((probe, "Cannot write to work"), (check_store, "Cannot write a new file to work")):
        with pytest.raises(kind) as refused:
            ask(place, "work")
        for said in (operation, str(place), remedy):
            assert said in str(refused.value)


def test_a_store_without_exclusive_writes_is_no_error_that_may_pass(
    place: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise NotImplementedError("mode create")

    monkeypatch.setattr(type(place.fs), "pipe_file", refuses)
    with pytest.raises(JobError, match="cannot create a file exclusively"):
        check_store(place, "work")
