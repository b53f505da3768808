"""Rows become objects, and every row is reported, whatever became of it.

Nouns: ExternalRef (which object a source's row is), ImportRun (one import and its figures).

    new row → created         known row, other content → updated      same content → unchanged
    missing from a newer file → withdrawn (paused, never erased) → back again → updated (resumed)
    the same key twice in one file → duplicate (the first stands)     anything wrong → rejected

One import is one transaction: a file that cannot be read, or a crash, leaves nothing half done.
"""
