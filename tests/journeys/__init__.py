"""Whole stories, told through HTTP."""
