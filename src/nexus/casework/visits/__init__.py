"""Visits to households: who is to be seen how often, what was found, what the authority must know.

Nouns: VisitPlan, Visit, VisitChecklist, ChangeReport.

    Visit         scheduled ──perform──▶ done ──verify──▶ verified
                      ├──miss──▶ missed ──reschedule──▶ rescheduled (a new visit)
                      │             ├──excuse──▶ excused
                      │             └──perform──▶ done (a record that came late)
                      └──cancel──▶ cancelled
    VisitPlan     active ──end──▶ ended
    ChangeReport  reported ──handle──▶ handled

A plan's tier says how often; `planning/` turns it into windows, never single days. A visit is
overdue when its window is over: that is derived, and told once. `changes/` is what a visit must
tell the authority, `coverage/` how many households were seen where.
"""
