"""Suggestions and gaps: which offers fit a need line, and which lines nothing fits.

A *suggestion* is computed when it is asked for: hard filters first, then a score from 0 to 100
that is the sum of its reasons (rule version `match-1`). A *gap* is a published line without any
passing offer.

    gap: open → acknowledged;  open | acknowledged → addressed | waived
"""
