"""Drawing up referrals: from a need, onward from a referral received, or anew from a completed one.

Noun: Referral, in state draft.
"""
