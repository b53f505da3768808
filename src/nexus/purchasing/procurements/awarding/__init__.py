"""Bids and awards of a procurement: sealed bids, a proposal, and a second person who confirms."""
