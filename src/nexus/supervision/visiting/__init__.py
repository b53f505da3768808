"""Visits, pairing and openings, recomputed."""
