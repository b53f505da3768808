"""Handing a report to another area: offered, then taken over, refused or recalled.

Until it is taken over the sender owns it, and the receiver sees no more of it than that it is.
"""
