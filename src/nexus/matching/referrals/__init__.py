"""Referrals: one organization hands part of a need to another, and hears what became of it (转介).

Nouns: Referral, ReferralLine. The states are those of a FHIR Task.

    draft → requested → accepted → in_progress → completed
    requested → rejected | cancelled (recalled) | expired
    accepted | in_progress → on_hold → in_progress
    accepted | in_progress → failed; accepted | in_progress | on_hold → cancelled (recalled)
    any that is not final → entered_in_error
    completed: the sender confirms the outcome, or reopens it as a new, linked referral

The receiver sees a de-identified summary; from acceptance until the end also the data package,
class by class, as long as the consent stands. `drafts/` draws referrals up, `identity/` lets a
receiver read who the person is.
"""
