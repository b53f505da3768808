"""Certificates of volunteer service, free, by the organization that recorded the hours (Order 67).

Nouns: Certificate, CertificateLine. The handler prepares it; the person in charge issues it, after
the publicity where the organization applies one. Whoever holds the code can ask whether it holds,
without learning whose it is.

Certificate: prepared → issued | dropped; issued → revoked (a record was revoked, or the issuer
says why) | superseded (a record was corrected). The marks come with the record's own change.
"""
