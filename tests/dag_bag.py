"""The bag of DAGs, where this Airflow has it."""

from __future__ import annotations

try:
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
except ImportError:  # before Airflow 3.2
    from airflow.models.dagbag import DagBag, sync_bag_to_db  # type: ignore[no-redef,attr-defined]

__all__ = ["DagBag", "sync_bag_to_db"]
