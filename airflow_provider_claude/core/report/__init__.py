"""The ledger, what makes a run red, and the page."""
