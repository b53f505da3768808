"""The authority's word for what it has, and dead letters sent again."""
