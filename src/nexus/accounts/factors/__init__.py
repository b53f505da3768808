"""The second factor of a sign-in: time-based codes (TOTP, RFC 6238) and recovery codes.

Nouns: SecondFactor, RecoveryCode. SecondFactor: pending (a secret was shown) → active (a code of
it was given) → gone (replaced, removed or reset). A code and a recovery code count once.
"""
