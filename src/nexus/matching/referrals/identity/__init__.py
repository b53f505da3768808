"""Who the person of an accepted referral is: two recorded acts in the vault, never a field.

Noun: Reveal, under a referral. Asking commits first; opening checks the referral and the consent
again.
"""
