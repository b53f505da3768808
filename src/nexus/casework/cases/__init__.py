"""Case work by the stages of MZ/T 094-2017: the file, its plans, goals, notes and people (个案).

Nouns: Case, CasePlan, Goal, PlanReview, CaseNote, CaseParticipant (五社联动, T19a),
ContactAttempt, CaseEvaluation, CaseStep (the trail), SelfApproval (an explicit right).

    intake → assessment → planning → intervention → evaluation ─close→ closed ─reopen→ intervention
      └reject→ rejected_at_intake       (any open stage) ⇄ on_hold;  (any open stage) → referred_out

    plan: draft ─submit→ submitted ─approve→ approved ─supersede→ superseded
            └───────return─────┘
    goal: open → achieved | partly | not | dropped        note: draft ─sign→ signed

A note's level decides who may see it at all, and what is signed never changes: an amendment is
another note that points at it. Notes never leave the station (D8).
"""
