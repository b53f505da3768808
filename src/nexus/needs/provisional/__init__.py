"""Help first, explained afterwards: published before its verification, which is owed (T15c).

    draft ─publish_provisionally→ published(provisional) ─verify_later→ published

The debt is an obligation with a date; until it is discharged or waived the need is not closed.
"""
