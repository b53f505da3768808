"""Schemes of evaluation as data: an indicator tree, who scores it, and what a grade means (T21b).

Scheme: draft → effective → retired; a later revision is another row. Weights sum to 100 among the
bodies and among the children of every indicator (INV-29). Once in force nothing of it is changed,
so that every grade can be reckoned again from the scheme that gave it.
"""
