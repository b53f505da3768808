"""Who works with the people: stations and the workers posted to them.

Nouns: Station, Worker. Station: planned → active ⇄ paused; active | paused → closed. A worker is
an account's post at a station for a time. Cases and visits come later, in this slice.
"""
