"""What a task knows of the Airflow run that it is in: its day, deadline and destination, and its errors as Airflow's."""
