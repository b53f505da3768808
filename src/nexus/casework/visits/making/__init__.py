"""Making, missing and checking visits through the graph."""
