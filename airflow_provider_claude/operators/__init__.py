"""The stages of a run as Airflow operators, each usable alone."""
