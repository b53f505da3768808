"""Pledges that an accepted referral brings: both sides have said yes, so it is accepted at once.

Noun: Pledge, booked in the ledger like every other and given back when the referral ends.
"""
