"""What is left to do when the ground gives way under help: a consent ends, a giver is suspended.

No noun of its own: it opens obligations. Whoever held data under a consent that ended says that it
has stopped (INV-12); the authority looks again at each live pledge of a suspended organization.
"""
