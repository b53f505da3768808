"""Who told of something: a name and a phone number, sealed as identity is.

Noun: Contact, of a person who is no recipient. Another slice keeps its id; the phone is found again
by its keyed hash, and read in clear only through a ContactReveal that is committed first.
"""
