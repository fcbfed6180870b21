"""The Airflow run as a task sees it: its day, deadline and destination, and its errors as Airflow's."""
