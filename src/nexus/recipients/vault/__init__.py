"""The only home of identity data: who a recipient is, sealed, and revealed by a recorded act.

Nouns: Reveal (a request to read fields in clear), IdentityRecord (what is known, not its value).
A reveal is recorded and committed first and can be opened for five minutes afterwards, by the
account that asked; PostgreSQL hands out the ciphertext under no other circumstances. Erasure
destroys the person's key.
"""
