"""Alerts on the worklists, and whether the worklists hold what waits and nothing else."""
