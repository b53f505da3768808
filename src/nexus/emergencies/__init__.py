"""Emergencies: what is declared, where, for how long, and which rules it relaxes (T12, T15c, T17).

An EmergencyEvent covers divisions and goes through phases; while it is active, rules on its list
may be relaxed for needs in its divisions. A Relaxation is one rule relaxed once, for one subject:
by whom, why, by which version of the rule, and how it was settled. It needs no event: help first
is right for one household's fire, too.

    declared ─activate→ active ─stand_down→ standing_down ─end→ ended ─review→ reviewed
       ↺ amend            ↺ amend               ↺ amend

Ending starts the clocks of the obligations that waited for it. Reviewed is an event whose every
relaxation is settled.
"""
