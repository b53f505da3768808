"""Reports of hardship recomputed: nothing lost between two desks."""
