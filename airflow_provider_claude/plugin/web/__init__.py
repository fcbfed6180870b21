"""The page in the Airflow UI: a FastAPI app that only the API server imports."""
