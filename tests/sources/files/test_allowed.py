"""Which places may be read, as a decision: no store is asked."""

from __future__ import annotations

import pytest

from airflow_provider_claude.sources.files.allowed import Allowed, Location

ALLOWED = Allowed((Location("s3", "aws_mail", "bucket/mail"), Location("file", None, "/data/mail")))


@pytest.mark.parametrize(
    "location",
    [
        Location("s3", "aws_mail", "bucket/mail"),
        Location("s3", "aws_mail", "bucket/mail/2026/a.parquet"),
        Location("file", None, "/data/mail/a.eml"),
    ],
)
def test_what_lies_below_an_allowed_place_may_be_read_through_its_connection(location: Location) -> None:
    assert ALLOWED.admits(location)


@pytest.mark.parametrize("conn_id", [None, "aws_finance", "AWS_MAIL", ""])
def test_the_same_path_through_another_connection_may_not(conn_id: str | None) -> None:
    assert not ALLOWED.admits(Location("s3", conn_id, "bucket/mail/2026/a.parquet"))


@pytest.mark.parametrize(
    "location",
    [
        Location("s3", "aws_mail", "bucket/mailing/a.parquet"),
        Location("s3", "aws_mail", "bucket"),
        Location("s3", "aws_mail", "bucket/mail/../secret"),
        Location("gs", "aws_mail", "bucket/mail/a.parquet"),
        Location("file", None, "bucket/mail/a.parquet"),
    ],
)
def test_what_lies_elsewhere_may_not(location: Location) -> None:
    assert not ALLOWED.admits(location)
