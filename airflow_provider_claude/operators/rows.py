"""Rows: a function of the DAG's author that names a run's source, or returns its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import DecoratedOperator
from airflow.providers.standard.operators.python import PythonOperator

from airflow_provider_claude.core.column_names import list_of_names
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.operators.shared.run_name import NamesItsRun
from airflow_provider_claude.runtime.paths import to_path
from airflow_provider_claude.runtime.run_context import need_xcom
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeRowsOperator(NamesItsRun, DecoratedOperator, PythonOperator):
    """Calls a function, and returns the source of a run: the path or URI that it returned, or of the rows that it returned.

    Rows, a list of dictionaries or a DataFrame, are written as Parquet, and read by the scan as any other source. XCom and log
    hold their path only. `@claude_batch` makes this task.

    :param python_callable: returns the source as a path or URI, or its rows.
    :param op_args: its positional arguments (templated).
    :param op_kwargs: its keyword arguments (templated).
    :param folder: where rows are written, as ``rows.parquet`` (templated).
    :param columns: the columns that rows must have.
    :param partition: the partition of the answers, as the scan has it (templated).
    :param redacts: whether the scan redacts: then rows are refused, since the file would keep what the scan removes.
    """

    template_fields: Sequence[str] = ("op_args", "op_kwargs", "folder", "partition")
    custom_operator_name = "@claude_batch"
    ui_color = "#e8f0e4"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        folder: str,
        columns: Sequence[str],
        op_args: Collection[Any] = (),
        op_kwargs: Mapping[str, Any] | None = None,
        partition: str | None = "{{ day }}",
        redacts: bool = False,
        **kwargs: Any,
    ) -> None:
        called: dict[str, Any] = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs or {}}
        super().__init__(
            kwargs_to_upstream={**called, "show_return_value_in_logs": False},
            **called,
            **kwargs,
        )
        need_xcom(self)
        self.folder = folder
        self.columns = list_of_names("columns", columns)
        self.partition = partition
        self.redacts = redacts

    def execute(self, context: Context) -> str:
        returned = super().execute(context)
        with task_errors():
            return self._located(returned)

    def _located(self, returned: object) -> str:
        if isinstance(returned, str | PathLike) or hasattr(returned, "joinpath"):
            if path := str(returned).strip():
                return path
            raise JobError(f"{self.python_callable.__name__} returned an empty text: return a path, a URI, or rows.")
        if self.redacts:
            raise JobError(
                f"{self.python_callable.__name__} returned rows, and redact is set: the file of the rows would keep what the "
                "scan replaces. Write them to a folder of your own, and return its path."
            )
        return self._written(returned)

    def _written(self, returned: object) -> str:
        from airflow_provider_claude.sources.tables.given_rows import table_of
        from airflow_provider_claude.store.parquet_files import write_table
        from airflow_provider_claude.store.probe import check_place

        table = table_of(returned, self.columns, by=self.python_callable.__name__)
        folder = to_path(self.folder)
        check_place(folder, "folder (work)")
        path = folder / "rows.parquet"
        write_table(path, table)
        self.log.info("%d rows written to %s", table.num_rows, path)
        return str(path)
