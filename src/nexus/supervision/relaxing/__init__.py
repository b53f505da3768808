"""Rules that were relaxed and help in stages: what must hold of them, and the alert of each."""
