"""Taking what the authority's own system states, many rows at a time: admitted, or followed.

A statement that is new is admitted in the state it says. One that changed is followed by the same
deeds as by hand; where it says something else of the beginning, a new row corrects the old one.
"""
