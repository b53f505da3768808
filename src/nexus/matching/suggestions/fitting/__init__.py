"""The hard filters of a match: what an offer asks of a line and of the people behind it."""
