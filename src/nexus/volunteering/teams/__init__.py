"""Organizations' rosters with the volunteers they blocked, and their teams."""
