"""The invariants of service facts and acceptances, recomputed."""
