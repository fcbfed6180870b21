"""`python -m airflow_provider_claude.demo`: a night of mail through the nightly DAG, on the simulator."""
