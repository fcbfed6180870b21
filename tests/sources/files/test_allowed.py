"""Which places may be read, as a decision: no store is asked."""

from __future__ import annotations

import pytest

from airflow_provider_claude.sources.files.allowed import Allowed, Place

ALLOWED = Allowed((Place("s3", "aws_mail", "bucket/mail"), Place("file", None, "/data/mail")))


@pytest.mark.parametrize(
    "place",
    [
        Place("s3", "aws_mail", "bucket/mail"),
        Place("s3", "aws_mail", "bucket/mail/2026/a.parquet"),
        Place("file", None, "/data/mail/a.eml"),
    ],
)
def test_what_lies_below_an_allowed_place_may_be_read_through_its_connection(place: Place) -> None:
    assert ALLOWED.admits(place)


@pytest.mark.parametrize("conn_id", [None, "aws_finance", "AWS_MAIL", ""])
def test_the_same_path_through_another_connection_may_not(conn_id: str | None) -> None:
    assert not ALLOWED.admits(Place("s3", conn_id, "bucket/mail/2026/a.parquet"))


@pytest.mark.parametrize(
    "place",
    [
        Place("s3", "aws_mail", "bucket/mailing/a.parquet"),
        Place("s3", "aws_mail", "bucket"),
        Place("s3", "aws_mail", "bucket/mail/../secret"),
        Place("gs", "aws_mail", "bucket/mail/a.parquet"),
        Place("file", None, "bucket/mail/a.parquet"),
    ],
)
def test_what_lies_elsewhere_may_not(place: Place) -> None:
    assert not ALLOWED.admits(place)
