"""Two values of one field, side by side, until somebody at the station decides.

`editing/` keeps what was entered; here is who sees it, the history of a case, visit or assessment,
and the two ways to settle a conflict: the late value is adopted, or set aside.
"""
