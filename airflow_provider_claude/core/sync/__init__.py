"""How fast the sync lane may go, by the account's limits."""
