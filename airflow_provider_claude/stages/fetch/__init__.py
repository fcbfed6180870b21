"""Downloads the results of a batch, until they are whole."""
