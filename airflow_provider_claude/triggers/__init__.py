"""Waits in the triggerer, until a batch has ended or its cutoff has come."""
