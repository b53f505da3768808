"""The authority's word that a person or household belongs to a category, and for how long.

Noun: Recognition. pending → active ⇄ under_review; active → taper (six months) → ended;
active ⇄ suspended; active | suspended → ended; any → entered_in_error.
"""
