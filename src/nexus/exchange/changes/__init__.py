"""The change feed: what happened to the objects a caller sees, in an order that never skips.

Nouns: Change (an event as one caller may know it), tombstone (the word that an object the caller
could see is no longer theirs to see: its id and nothing else).

An event is told once every transaction that could still write an earlier one is over. Whether it
is told, and as what, is decided at the moment of reading by the policies of the objects.
"""
