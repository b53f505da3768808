"""Acceptance: what was done for a milestone is looked at, and so much of it is accepted (履约验收).

Nouns: Acceptance, with its lines (quantities of items), the facts behind each, a sample of them and
deductions.

    Acceptance  submitted ──review──▶ reviewing ──accept──▶ accepted
                                          ├──deduct──▶ accepted_with_deduction
                                          └──reject──▶ rejected ──resubmit──▶ resubmitted

The supplier or the contract's manager submits; the buyer's person who decides is neither of them
and recorded none of the facts (INV-18). Resubmitting makes a new one in the place of the rejected
one. A quantity rests on counted facts of the period, each of which stands behind one live
acceptance (INV-28). The sample is drawn when the review begins, by a seed that is kept: anyone
draws it again.
"""
