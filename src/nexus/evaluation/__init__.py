"""Evaluation of purchased services: schemes, samples, scores, the clients' voice, grades (T21b).

An Evaluation of one contract by an independent evaluator, by a Scheme that is data. What was done
is looked at by a sample anyone can redraw; the evaluator, the buyer and the clients score; the
supplier answers; the final grade is published and says what becomes of the supplier next year.
"""
