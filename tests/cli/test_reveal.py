from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cryptography.fernet import Fernet
from upath import UPath

from airflow_provider_claude.cli import reveal
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.scan.pii.replace import TOKEN
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.parquet_files import read_table
from tests.imports import loaded_by

TEXTS = ["I am bob@x.com", "=cmd|' /C calc'!A0 4111 1111 1111 1111", "nothing"]


@pytest.fixture
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Fernet key in Airflow's configuration, read anew."""
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
    forget_fernet()
    yield key
    monkeypatch.undo()
    forget_fernet()


def forget_fernet() -> None:
    from airflow.sdk.crypto import get_fernet

    get_fernet.cache_clear()


def scanned(folder: Path, **options: Any) -> RunFolder:
    source = folder / "mail.jsonl"
    source.write_text("\n".join(json.dumps({"id": f"m-{n}", "body": text}) for n, text in enumerate(TEXTS)))
    options = {"redact": True, "redaction_mapping": True} | options
    run = folder / "run"
    ClaudeInputScanOperator(
        task_id="scan", source=str(source), run_folder=str(run), columns=["body"], **options
    ).execute({})
    return RunFolder(UPath(run))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_the_tokens_stand_for_is_written_for_joins(
    tmp_path: Path, fernet_key: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, to = scanned(tmp_path), tmp_path / f"tokens.{suffix}"
    assert main(["reveal", str(run), str(to)]) == 0
    assert "2 tokens written" in capsys.readouterr().out
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    tokens = pd.read_csv(to, dtype=str) if suffix == "csv" else pd.read_parquet(to)
    assert set(tokens["kind"]) == {"email", "card"}
    known = tokens.set_index("token")["value"]
    items = read_table(run.part("items", 0)).to_pandas()
    back = items["body"].str.replace(TOKEN, lambda match: known[match[0]], regex=True)
    assert list(back) == ["I am bob@x.com", "=cmd|' /C calc'!A0 4111111111111111", "nothing"]


@pytest.mark.parametrize(("suffix", "value"), [("csv", "'=1+2@x.com"), ("parquet", "=1+2@x.com")])
def test_a_value_that_a_spreadsheet_takes_for_a_formula_begins_with_an_apostrophe_in_csv_alone(
    tmp_path: Path, fernet_key: str, monkeypatch: pytest.MonkeyPatch, suffix: str, value: str
) -> None:
    run, to = scanned(tmp_path), tmp_path / f"tokens.{suffix}"
    monkeypatch.setattr(reveal, "read_mapping", lambda *_: iter([[("<EMAIL_1>", "email", "=1+2@x.com")]]))
    assert main(["reveal", str(run), str(to)]) == 0
    tokens = pd.read_csv(to, dtype=str) if suffix == "csv" else pd.read_parquet(to)
    assert list(tokens["value"]) == [value]


def test_a_key_that_was_rotated_still_opens_it(
    tmp_path: Path, fernet_key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, new = scanned(tmp_path), Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", new)
    forget_fernet()
    assert main(["reveal", str(run), str(tmp_path / "no.csv")]) == 1
    assert "another Fernet key" in capsys.readouterr().err
    assert not (tmp_path / "no.csv").exists()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{new},{fernet_key}")
    forget_fernet()
    assert main(["reveal", str(run), str(tmp_path / "yes.csv")]) == 0
    assert scanned(tmp_path).scan()


def test_an_empty_mapping_is_an_empty_table(tmp_path: Path, fernet_key: str) -> None:
    run = scanned(tmp_path, redact=["iban"])
    assert main(["reveal", str(run), str(tmp_path / "tokens.parquet")]) == 0
    assert list(pd.read_parquet(tmp_path / "tokens.parquet").columns) == ["token", "kind", "value"]


def test_it_never_writes_over_a_file_or_reveals_what_was_not_kept(
    tmp_path: Path, fernet_key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = scanned(tmp_path, redaction_mapping=False)
    there = tmp_path / "there.csv"
    assert main(["reveal", str(run), str(there)]) == 1
    assert "redaction_mapping=True" in capsys.readouterr().err
    there.write_text("mine")
    assert main(["reveal", str(run), str(there)]) == 1
    assert main(["reveal", str(run), str(tmp_path / "tokens.txt")]) == 1
    assert there.read_text() == "mine"
    said = capsys.readouterr().err
    assert "already exists" in said
    assert "has to end in .csv or .parquet" in said


def test_without_a_fernet_key_a_mapping_is_refused_before_anything_is_read(
    tmp_path: Path, fernet_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    forget_fernet()
    with pytest.raises(AirflowFailException, match="AIRFLOW__CORE__FERNET_KEY"):
        scanned(tmp_path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["active.1.json"]
    run = scanned(tmp_path, redaction_mapping=False)
    assert json.loads(run.file("redaction.json").read_text())["sealed"] is False
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "no key")
    forget_fernet()
    with pytest.raises(AirflowFailException, match="not a Fernet key"):
        scanned(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"redact": ["name"]}, "'name'; there are email"),
        ({"redact": False}, "redaction_mapping is set"),
        ({"redact_countries": ["XX"]}, "redact_countries names 'XX'"),
    ],
)
def test_a_wrong_parameter_fails_when_the_dag_is_parsed(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scanned(tmp_path, **options)


def test_one_kind_may_be_written_without_a_list(tmp_path: Path, fernet_key: str) -> None:
    run = scanned(tmp_path, redact="card", redact_region="US")
    assert run.need_scan().redacted == {"card": 1}


def test_parsing_a_dag_that_redacts_loads_none_of_the_libraries() -> None:
    statement = (
        "from airflow_provider_claude.operators.scan import ClaudeInputScanOperator\n"
        "ClaudeInputScanOperator(task_id='s', source='s', run_folder='r', columns=['b'], redact=True, redact_region='US')"
    )
    assert loaded_by(statement, ["phonenumbers", "detect_secrets", "stdnum", "pandas"]) == set()
