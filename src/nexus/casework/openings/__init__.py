"""When stations are open: schedules as recurrence rules, and the openings that they make.

Nouns: OpeningSchedule (HSDS `schedule`, RFC 5545). Its openings are computed some weeks ahead by
a clock, along the calendar of working days, so that "open now" is one look at an index.
"""
