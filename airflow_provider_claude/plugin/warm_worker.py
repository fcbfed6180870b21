"""A Celery worker that imports this module has imported what the tasks of this provider import, before it forks its pool.

The pool's processes fork each task. Celery imports what its setting `include` names in that process, and nowhere else:

    AIRFLOW__CELERY__EXTRA_CELERY_CONFIG: '{"include": ["airflow_provider_claude.plugin.warm_worker"]}'

(https://docs.celeryq.dev/en/stable/userguide/configuration.html#include; Airflow passes `[celery] extra_celery_config` on.)
"""

from __future__ import annotations

from airflow_provider_claude.plugin.warm_imports import import_all, load_plugins

import_all()
load_plugins()
