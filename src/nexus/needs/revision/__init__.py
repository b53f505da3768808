"""Bringing an imported need to what its source says now, without losing the help bound to it."""
