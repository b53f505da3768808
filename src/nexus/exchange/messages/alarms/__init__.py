"""Alerts when an authority is not reached, or a message died; cleared when it got through."""
