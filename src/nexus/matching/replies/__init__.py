"""What an authority answers: what became of a need it published, or of help it was told of (T5e).

Noun: AuthorityReply (accepted, in progress, resourced, closed, reopened of a need; confirmed or
queried of a delivery). Append-only; the one with the highest sequence of its need stands, whatever
the order in which they came. Helpers on the need see it on their pledges and in the feed.
"""
