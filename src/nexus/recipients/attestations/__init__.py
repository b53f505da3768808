"""The authority's word in a form that a charity can rely on without seeing the evidence (T5f).

Noun: Attestation, a signed statement derived from a recognition for one organization and purpose:
category, area to the county, until when. The person is named by that organization's alias alone.
It is a compact JWS (RFC 7515) signed with Ed25519 (RFC 8037): anybody checks it offline with the
public keys at /.well-known/jwks.json, and its revocation in the signed status list at
/.well-known/attestation-status (IETF Token Status List).

    issued → revoked: by hand, or because the recognition or the consent behind it ended.
    Expiry is read from the clock.
"""
