"""Volunteers, tasks and sign-ups, recomputed."""
