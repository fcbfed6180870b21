"""High-throughput ETL with Claude in Apache Airflow. Imports nothing: provider discovery runs before Airflow is set up."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """What Airflow shows of this provider. The connection type is the official provider's `anthropic`, as it is."""
    package, name = "airflow_provider_claude", "Claude"
    return {
        "package-name": "airflow-provider-claude",
        "name": "Claude ETL",
        "description": (
            "A table of texts in, a typed table of answers out: Claude's Message Batches API at half price, "
            "sharded, crash-safe, every row accounted for."
        ),
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": name,
                "external-doc-url": "https://platform.claude.com/docs/en/build-with-claude/batch-processing",
                "how-to-guide": ["docs/index.md", "docs/reference/task-group.md", "docs/reference/operators.md"],
                "tags": ["ai"],
            }
        ],
        "hooks": [{"integration-name": name, "python-modules": [f"{package}.hooks.claude"]}],
        "operators": [
            {
                "integration-name": name,
                "python-modules": [
                    f"{package}.operators.{module}"
                    for module in (
                        "create",
                        "load",
                        "messages",
                        "plan",
                        "release",
                        "report",
                        "rows",
                        "scan",
                        "settle",
                        "shard",
                        "scan_splits",
                        "vote",
                    )
                ],
            }
        ],
        "sensors": [{"integration-name": name, "python-modules": [f"{package}.sensors.batch"]}],
        "triggers": [{"integration-name": name, "python-modules": [f"{package}.triggers.batch"]}],
        "task-decorators": [{"name": "claude_batch", "class-name": f"{package}.task_groups.decorator.claude_batch"}],
        "plugins": [{"name": "claude", "plugin-class": f"{package}.plugin.ClaudePlugin"}],
        "config": {
            "claude": {
                "description": "Where the DAGs of this provider keep their data, and how they wait.",
                "options": {
                    "root": _option(
                        "Folder or object-store URI that holds mail/, work/ and answers/.", "/opt/airflow/claude"
                    ),
                    "sources": _option(
                        "What DAGs may read as their source: folders and object-store URIs with the connections to use, and "
                        "databases as sql://conn_id, separated by commas or line ends. Empty: what is below root.",
                        "",
                        example="/data/mail, s3://aws_mail@bucket/mail, sql://warehouse",
                    ),
                    "timezone": _option("The zone whose midnight starts a night run.", "Europe/Berlin"),
                    "poll_interval": _option("The most seconds between two looks at a batch.", "60.0", "float"),
                    "group_access": _option(
                        "Whether the group of a run's user may read and write its files and folders (0660, 2770). Otherwise "
                        "only the user may (0600, 0700).",
                        "False",
                        "boolean",
                    ),
                    "allow_unsafe_store": _option(
                        "Whether a work folder may lie on a store that does not obey conditional writes: two workers that begin "
                        "one shard at the same time can then both pay for it. Each plan says so.",
                        "False",
                        "boolean",
                    ),
                    "sync_pool": _option(
                        "The pool in which the shipped DAGs ask the Messages API. With one slot, one worker at a time does. "
                        "It has to exist.",
                        "default_pool",
                    ),
                    "warm_imports": _option(
                        "Whether the scheduler imports what this provider's tasks import, before LocalExecutor forks its "
                        "workers. Its tasks then spend about a quarter of the CPU time; the scheduler takes about 100 MB more, "
                        "which its forks share. Upgrades of these packages need a restart of the scheduler. Celery workers need "
                        "a setting of their own: see the page on configuration.",
                        "False",
                        "boolean",
                    ),
                    "poll_floor": _option(
                        "The least that poll_interval may be, in seconds. Lower it only for a simulator.",
                        "10.0",
                        "float",
                    ),
                },
            }
        },
    }


def _option(description: str, default: str, kind: str = "string", example: str | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "type": kind,
        "default": default,
        "example": example,
        "version_added": __version__,
    }
