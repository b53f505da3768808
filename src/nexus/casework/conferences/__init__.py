"""Case conferences (个案会商, T15f): those who could help sit down about one case.

Nouns: CaseConference, ConferenceParty (by organization), ConferenceDecision (a measure, who owes
it and until when: an obligation), ConferenceException (a rule relaxed by the conference, INV-22).

    convened ─hold→ held ─follow_up→ followed_up ─close→ closed
        └──────────────cancel────────────────────────────→ closed
"""
