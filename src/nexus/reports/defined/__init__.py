"""One file a report: what it asks, of whom it is for, and what its figures mean."""
