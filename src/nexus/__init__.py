"""Links published needs with those who can help."""
