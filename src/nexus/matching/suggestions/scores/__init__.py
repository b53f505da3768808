"""The score of a match: points for each reason, and their sum."""
