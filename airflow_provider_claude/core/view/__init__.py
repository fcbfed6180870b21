"""A run as it is at one moment, on or over: what the page in the Airflow UI shows, decided without reading anything."""
