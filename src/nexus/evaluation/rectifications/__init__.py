"""Rectifications: what a supplier must put right after an evaluation, and until when.

open → submitted → verified; submitted → open where it was not enough; open → overdue → escalated,
from where it can still be submitted. An evaluation is closed when all of its are verified.
"""
