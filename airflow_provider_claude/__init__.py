"""High-throughput ETL with Claude in Apache Airflow. Imports nothing: provider discovery runs before Airflow is set up."""

from __future__ import annotations

__version__ = "0.1.0"
