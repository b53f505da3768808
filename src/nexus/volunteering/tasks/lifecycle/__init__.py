"""Drafting, publishing, running and cancelling tasks through the graph."""
