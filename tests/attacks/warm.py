"""What the acts load at their first use, loaded once, for the process that all of them are forked from.

The rules are compiled and not run: the first run starts a thread, which a fork would lose.
"""

import dateutil.tz  # noqa: F401 - pyarrow looks for it, and for pandas, where it makes Python's values
import pandas as pd  # noqa: F401

from airflow_provider_claude.core.scan.signatures import Signatures
from tests.attacks import acts  # noqa: F401

Signatures.compiled()
