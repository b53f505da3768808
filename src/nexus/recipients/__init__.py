"""Those who are helped, by pseudonym: what the authority recognised, and what they consented to.

Nouns: Household, Recipient, RecipientAlias, Recognition, Consent. Who they are and where they
live is in `vault/` alone.

Recognition: pending → active ⇄ under_review; active → taper → ended; active ⇄ suspended;
active | suspended → ended; any → entered_in_error.
Consent: requested → granted | refused; granted → withdrawn | expired | superseded | lapsed.
"""
