"""Referrals, recomputed: one at a time, on a ground, within their parent, with an owner."""
