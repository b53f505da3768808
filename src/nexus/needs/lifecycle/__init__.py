"""The moves of a need through the graph, from its submission to its end."""
