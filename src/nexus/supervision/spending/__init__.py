"""The sums of public money, recomputed."""
