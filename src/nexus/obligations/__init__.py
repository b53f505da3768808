"""What must still be done, by whom and until when (domain.md 7.7).

Noun: Obligation. It names a row of any kind (its subject) and exactly one organization that owes
it. What opens one decides when it is due, by a figure of law, and keeps that figure's version.

    open ──discharge──▶ done (evidence)
      └────waive─────▶ waived (by whom, why)

Overdue is not a state: an open obligation is overdue once its time is up, and a clock tells so.
"""
