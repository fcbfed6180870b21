"""Values and decisions. No Airflow, SDK, I/O, clock or chance: all of these are arguments."""
