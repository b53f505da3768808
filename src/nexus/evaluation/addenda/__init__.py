"""Addenda: what corrects an evaluation that is final.

Addendum: proposed → released | dropped. It names the scores that were wrong; total and grade are
reckoned anew by the same scheme. The evaluation itself stays as it was.
"""
