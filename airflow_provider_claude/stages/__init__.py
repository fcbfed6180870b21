"""The stages of a run as plain functions over a run folder: scan, plan, create, load, report. No Airflow here."""
