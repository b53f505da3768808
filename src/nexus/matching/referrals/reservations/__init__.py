"""What an accepted referral holds in the ledger, and what its end gives back.

Noun: Pledge, of the receiver on each line. The ledger is the only truth: nothing is counted here.
"""
