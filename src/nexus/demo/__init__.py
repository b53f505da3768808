"""The made-up world of `nexus demo`: a seeded generator, scaled to the province; no real person.

Parties and people are rows; needs, offers, pledges and deliveries are deeds, done by the accounts
that would do them, so that every state has its history.
"""
