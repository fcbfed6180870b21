"""From a row of a run to everything on record of it: read from the run folder alone, without the API, the DAG or the source."""
