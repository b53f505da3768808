"""Needs as part of a case: what is linked to such a need is linked to the case (T19c)."""
