"""Amendments: a new edition with its reasons; the whole earlier text is kept, money comes first."""
