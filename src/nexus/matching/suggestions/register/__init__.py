"""Gaps and planned purchases, the first delivery that closes a gap, and the report (T18c)."""
