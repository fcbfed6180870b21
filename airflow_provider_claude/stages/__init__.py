"""The stages of a run as plain functions over a run folder: scan, plan, create, load, report. No Airflow here."""

import os

# Arrow reads this as it is imported; `core.memory` says what for.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
