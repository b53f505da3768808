"""Checks that what must always hold does hold: every invariant recomputed from the rows.

A *finding* names the invariant, the row that breaks it and the numbers. The ledger's sums are kept
by the database itself, so a finding means a fault beneath nexus or a hand in the database; that is
what `nexus verify` is there to show.
"""
