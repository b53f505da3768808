"""How many households were due for a visit where, and how many were seen (T22a)."""
