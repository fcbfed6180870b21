"""Rows on their way from a reader to Arrow record batches."""
