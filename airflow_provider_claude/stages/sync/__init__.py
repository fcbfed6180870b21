"""Asks rows on the Messages API, within the limits of the account."""
