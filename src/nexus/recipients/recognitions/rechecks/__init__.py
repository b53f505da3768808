"""A re-check that did not come in time is owed by the authority that recognised (T24)."""
