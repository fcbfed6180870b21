"""Reads a run for the page in the Airflow UI, while it is on and after it."""
