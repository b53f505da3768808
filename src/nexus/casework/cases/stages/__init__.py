"""The stages of a case through the graph: opening, assigning, moving on, interrupting."""
