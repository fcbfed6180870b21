"""Datasets have the names that OpenLineage gives them."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.lineage import folder_dataset, table_dataset


@pytest.mark.parametrize(
    ("uri", "dataset"),
    [
        ("/data/mail/", ("file", "/data/mail")),
        ("file:///data/mail.parquet", ("file", "/data/mail.parquet")),
        ("/data/mail/*/2026-*.eml", ("file", "/data/mail")),
        ("/data/a b#1/mail", ("file", "/data/a b#1/mail")),
        ("s3://aws_mail@bucket/mail/day=2026-11-22", ("s3://bucket", "mail/day=2026-11-22")),
        ("s3a://bucket", ("s3://bucket", "/")),
        ("gcs://bucket/mail", ("gs://bucket", "mail")),
        ("abfs://conn@container/mail", ("abfss://container", "mail")),
        ("sftp://user:secret@host:22/mail", ("sftp://host:22", "mail")),
        ("file://host/data/mail", ("file://host", "/data/mail")),
    ],
)
def test_a_file_or_folder_has_the_name_of_its_store(uri: str, dataset: tuple[str, str]) -> None:
    assert folder_dataset(uri) == dataset


def test_a_table_has_the_name_of_its_database() -> None:
    names = ["shop", "public", "tickets"]
    assert table_dataset("postgres", "db:5432", names) == ("postgres://db:5432", "shop.public.tickets")
