"""A verified report becomes a case: whoever handles the one opens the other (T22, 7.8)."""
