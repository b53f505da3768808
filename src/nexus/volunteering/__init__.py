"""Volunteers, their teams and who may count on them (T20a, T20b, domain.md 7.9).

Nouns: Volunteer, GuardianConsent (of a minor), RosterEntry (an organization knows a volunteer, or
has blocked them), Team and TeamMembership. Who a volunteer is lies in `recipients/vault/contacts`.

Volunteer: registered → verified → active ⇄ suspended; left from any of them.
GuardianConsent: granted → withdrawn | expired. RosterEntry: listed ⇄ blocked. Team: active →
dissolved. Tasks and sign-ups are in `tasks/`.
"""
