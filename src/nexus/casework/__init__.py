"""Who works with the people: stations and the workers posted to them.

Nouns: Station, Worker. Station: planned → active ⇄ paused; active | paused → closed. A worker is
an account's post at a station for a time. What they do is in the slices within: assessments,
cases, conferences, visits, pairing, openings, training.
"""
