"""Lineage in the classes of OpenLineage. Imported only where Airflow's provider for it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.openlineage.extractors import OperatorLineage
from attrs import define
from openlineage.client.event_v2 import Dataset, InputDataset, OutputDataset
from openlineage.client.generated.base import RunFacet
from openlineage.client.generated.column_lineage_dataset import (
    ColumnLineageDatasetFacet,
    Fields,
    InputField,
    Transformation,
)
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields

from airflow_provider_claude.core.lineage import DatasetName, Lineage


@define
class ClaudeRunFacet(RunFacet):
    """What is known of a run: numbers, names and hashes, and no text of a row."""

    model: str
    partition: str | None
    rows: int
    answered: int
    quarantined: int
    failed: int
    lost: int
    costUsd: str  # noqa: N815 - as facets are written
    promptHash: str  # noqa: N815
    schemaHash: str  # noqa: N815
    agreement: float | None = None
    agreementField: str | None = None  # noqa: N815
    goldenAccuracy: float | None = None  # noqa: N815
    goldenField: str | None = None  # noqa: N815


def facets_of(lineage: Lineage) -> OperatorLineage[Any, Any]:
    """*lineage* as the provider takes it."""
    return OperatorLineage(
        inputs=[_input(lineage)],
        outputs=[] if lineage.output is None else [_output(lineage, lineage.output)],
        run_facets={"claude": ClaudeRunFacet(**lineage.figures)} if lineage.figures else {},  # type: ignore[arg-type]
    )


def _input(lineage: Lineage) -> Dataset:
    columns = dict.fromkeys([*lineage.columns, *lineage.carried])
    schema = SchemaDatasetFacet(fields=[SchemaDatasetFacetFields(name=name) for name in columns])
    return InputDataset(lineage.source.namespace, lineage.source.name, facets={"schema": schema})


def _output(lineage: Lineage, output: DatasetName) -> Dataset:
    own = [SchemaDatasetFacetFields(name=name, type=kind) for name, kind in lineage.fields.items()]
    carried = [SchemaDatasetFacetFields(name=name) for name in lineage.carried]
    return OutputDataset(
        output.namespace,
        output.name,
        facets={"schema": SchemaDatasetFacet(fields=[*carried, *own]), "columnLineage": _columns(lineage)},
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=lineage.rows)},
    )


def _columns(lineage: Lineage) -> ColumnLineageDatasetFacet:
    """Each field of the answer comes from all text columns, each carried column from itself."""
    answered = Transformation(type="DIRECT", subtype="TRANSFORMATION", description="answered by Claude")
    carried = Transformation(type="DIRECT", subtype="IDENTITY")
    fields = {name: _from(lineage, [name], carried) for name in lineage.carried}
    return ColumnLineageDatasetFacet(
        fields=fields | {name: _from(lineage, lineage.columns, answered) for name in lineage.fields}
    )


def _from(lineage: Lineage, columns: Sequence[str], how: Transformation) -> Fields:
    namespace, name = lineage.source
    return Fields(
        inputFields=[InputField(namespace=namespace, name=name, field=one, transformations=[how]) for one in columns]
    )
