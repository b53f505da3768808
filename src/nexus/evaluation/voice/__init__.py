"""The clients' voice: how satisfied they are, asked at the delivery or afterwards.

Client feedback: asked → answered | declined | unreachable. What the supplier's own people collect
at a delivery is shown; only what the independent evaluator collects afterwards counts for a grade,
and only of people who agreed to be asked (consent purpose EVAL). The response rate is always shown.
"""
