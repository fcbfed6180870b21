"""An operator that says where its data comes from and goes to, where Airflow's provider for OpenLineage is on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.lineage import Lineage
from airflow_provider_claude.errors import without_secrets
from airflow_provider_claude.runtime.lineage import is_wanted

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

log = logging.getLogger(__name__)


class HasLineage:
    """Keeps the lineage of what an operator has done, so that no file and no connection is read once it has ended."""

    lineage: Lineage | None = None

    def keep_lineage(self, known: Callable[[], Lineage]) -> None:
        """Keep what *known* says, where it is wanted. A failure is only logged."""
        try:
            if is_wanted():
                self.lineage = known()
        except Exception as error:  # noqa: BLE001 - of any connection or store: no run fails because of its lineage
            log.warning("No lineage is sent of this task: %s", without_secrets(error))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """What Airflow's provider for OpenLineage asks of an operator that has ended."""
        if self.lineage is None:
            return None
        from airflow_provider_claude.operators.shared.openlineage import facets_of

        return facets_of(self.lineage)
