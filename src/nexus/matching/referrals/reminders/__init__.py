"""Whoever has a referral is reminded at half and at four fifths of the time to its outcome."""
