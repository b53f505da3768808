"""The points of a suggestion (rule version match-1). They add up to at most 100."""

RULE_VERSION = "match-1"

ITEM_EXACT, ITEM_BROADER, ITEM_OPEN = 40, 25, 15
"""The same item; one is a group of the other; the offer names no item."""
AREA_POINTS = ((6, 25), (4, 18), (2, 12), (0, 6))
"""By the length of the code where offer and line meet: county or below, city, province, country."""
URGENCY_POINTS = {"u1": 15, "u2": 12, "u3": 8, "u4": 4}
DEADLINE_POINTS = ((3, 15), (14, 10))
"""Needed within so many days. The higher of urgency and deadline counts."""
COVERAGE_FULL, COVERAGE_UNKNOWN = 15, 10
"""All that is open; a line without a quantity. Otherwise in proportion."""
FRESH_FULL, FRESH_DAYS = 5, 180
"""In proportion to the days until the offer's next review."""
