"""What a coordination meeting of an area has before it: a page that says where it is stuck.

No noun of its own: open urgent needs, referrals that wait, gaps, and what is owed and late.
"""
