"""The peers: other ways to serve the same answers from the same tables."""
