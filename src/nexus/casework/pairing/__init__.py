"""Pairing (结对帮扶): one helper, one household, for a time; and what helpers gave (T22).

Nouns: Pairing, PairingContact, Contribution. A helper is a worker or an organization, by id only.

    Pairing  active ──end──▶ ended

Contacts and contributions are never changed; a contribution is corrected by a later one that
takes its place, so that what counts for awards can be told at any time.
"""
