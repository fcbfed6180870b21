"""Where a run reads and where it publishes, as datasets. Databases are named by their host: their connection is looked up."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from airflow_provider_claude.core.lineage import DatasetName, Lineage, folder_dataset, table_dataset
from airflow_provider_claude.core.sql_uri import SqlUri, is_sql, of_database, sql_uri
from airflow_provider_claude.runtime.databases import place_of

if TYPE_CHECKING:
    from airflow_provider_claude.core.report.summary import Summary
    from airflow_provider_claude.store import ScanRecord


def is_wanted() -> bool:
    """Whether Airflow's provider for OpenLineage is installed, and switched on."""
    if find_spec("airflow.providers.openlineage") is None:
        return False
    from airflow.providers.openlineage.conf import is_disabled

    return not is_disabled()


def lineage_of_scan(scan: ScanRecord) -> Lineage:
    """What a scan has read."""
    return Lineage(source=dataset_of(scan.source), columns=scan.columns, carried=scan.carry)


def lineage_of_report(scan: ScanRecord, summary: Summary, output: str | None) -> Lineage:
    """What was made of the source: the table at *output*, and what it cost."""
    return Lineage(
        source=dataset_of(scan.source),
        columns=scan.columns,
        carried=scan.carry,
        output=dataset_of(output) if output and summary.published else None,
        fields=summary.asked.fields,
        rows=summary.published_rows,
        figures=_figures(summary),
    )


def dataset_of(uri: str) -> DatasetName:
    """The dataset at *uri*, a path or `sql://`. Raises JobError where its connection cannot be looked up."""
    if not is_sql(uri):
        return folder_dataset(uri)
    of = sql_uri(of_database(uri), "source")
    kind, place, database = place_of(of.conn_id)
    return table_dataset(kind, place, _names(of, kind, database))


def _names(uri: SqlUri, kind: str, database: str) -> list[str]:
    if uri.table is None:
        return [database]
    return [uri.table] if kind == "sqlite" else [database, uri.schema or "public", uri.table]


def _figures(summary: Summary) -> dict[str, object]:
    measured, ledger = summary.consistency, summary.ledger
    weakest = measured.weakest if measured else None
    golden = measured.golden.weakest if measured and measured.golden else None
    return {
        "model": summary.asked.model,
        "partition": summary.partition,
        "rows": ledger.inputs,
        "answered": ledger.answered,
        "quarantined": ledger.quarantined_rows,
        "failed": ledger.failed_rows,
        "lost": ledger.lost,
        "costUsd": str(summary.costs.actual),
        "promptHash": summary.asked.prompt_hash,
        "schemaHash": summary.asked.schema_hash,
        "agreement": weakest.agreement.value if weakest else None,
        "agreementField": weakest.field if weakest else None,
        "goldenAccuracy": golden.accuracy.value if golden else None,
        "goldenField": golden.field if golden else None,
    }
