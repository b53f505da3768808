"""Signing up, deciding, promoting from the waitlist, cancelling; who came and who did not."""
