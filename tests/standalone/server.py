"""A whole Airflow whose parts are started again when they end, as Compose or systemd would."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from benchmarks.night.airflow import Airflow, end, eventually
from tests.standalone.users import ON_CALL, Passwords

ZONE = "Europe/Berlin"
#: Real seconds, generous.
RUN_SECONDS = 400.0


class KeptAirflow(Airflow):
    """An Airflow with the mail and answers of *root*.

    On SQLite a backfill whose creation is rolled back ("not supported on SQLite under concurrent access") takes its runs from
    under the scheduler, which ends of it: a part that ends is started again.
    """

    def __init__(self, folder: Path, dags: Path, root: Path, connection: str) -> None:
        self.root = root
        self.passwords = Passwords.made_in(folder.parent)
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        super().__init__(
            folder,
            dags,
            {
                "AIRFLOW__CLAUDE__ROOT": str(root),
                "AIRFLOW__CLAUDE__TIMEZONE": ZONE,
                "AIRFLOW__CLAUDE__WARM_IMPORTS": "True",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
                "AIRFLOW_CONN_ANTHROPIC_DEFAULT": connection,
                **self.passwords.settings,
            },
        )

    def __enter__(self) -> Self:
        super().__enter__()
        self._http.headers["Authorization"] = f"Bearer {self.token(ON_CALL)}"
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        super().__exit__()

    def token(self, name: str) -> str:
        """What Airflow gives the person called *name* who logs in."""
        login = {"username": name, "password": self.passwords.of(name)}
        return str(httpx.post(f"{self.url}/auth/token", json=login).raise_for_status().json()["access_token"])

    def kill(self, part: str) -> None:
        """Kill a part as it is; it is started again."""
        self._parts[part].kill()

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, the mapped ones by their index."""
        found = self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances", limit=100)
        return sorted(found["task_instances"], key=lambda task: (task["task_id"], task["map_index"]))

    def in_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Return once all instances of a task are in this state."""

        def there() -> bool:
            tasks = [task for task in self.tasks(dag_id, run_id) if task["task_id"] == task_id]
            return bool(tasks) and {task["state"] for task in tasks} == {state}

        eventually(f"{task_id} {state}", RUN_SECONDS, there)

    def finished(self, dag_id: str, run_id: str, seconds: float = RUN_SECONDS) -> dict[str, Any]:
        return super().finished(dag_id, run_id, seconds)

    def _keep(self) -> None:
        while not self._stopping.wait(1.0):
            for part, process in self._parts.items():
                if process.poll() is not None:
                    end([process])
                    self.start(part)
