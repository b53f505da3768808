"""Rules that no news tells of: what draws near, and what has not happened (domain.md 7.11).

Each rule is a select of the rows of which it holds at a moment. A clock raises an alert for those,
once for each time the rule begins to hold, and clears it for those of which it holds no longer.
"""
