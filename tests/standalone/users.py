"""Who may log in: a person on call, and one who may read no DAG of ours."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

ON_CALL, OUTSIDER = "oncall", "outsider"
#: The only DAG that the outsider may read.
OUTSIDERS_DAG = "one_batch"


class PerDagAuthManager(SimpleAuthManager):
    """Airflow's login with a form, and a right for each DAG, as FAB and Keycloak have it."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **more: Any) -> bool:
        foreign = user.username == OUTSIDER and details is not None and details.id != OUTSIDERS_DAG
        return not foreign and super().is_authorized_dag(user=user, details=details, **more)


@dataclass(frozen=True)
class Passwords:
    """The passwords of both, in a file that Airflow reads."""

    path: Path

    @classmethod
    def made_in(cls, folder: Path) -> Passwords:
        path = folder / "passwords.json"
        path.write_text(json.dumps({name: secrets.token_urlsafe() for name in (ON_CALL, OUTSIDER)}))
        return cls(path)

    def of(self, name: str) -> str:
        return str(json.loads(self.path.read_text())[name])

    @property
    def settings(self) -> dict[str, str]:
        return {
            "AIRFLOW__CORE__AUTH_MANAGER": f"{__name__}.{PerDagAuthManager.__name__}",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.path),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ON_CALL}:admin,{OUTSIDER}:viewer",
        }
