"""Whether an evaluator is independent of a supplier: ties that somebody declared, contracts, posts.

A tie is never changed: it says from when until when two organizations were linked, and how.
"""
