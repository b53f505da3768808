"""The invariants of evaluations, recomputed: weights, grades, standings, draws."""
