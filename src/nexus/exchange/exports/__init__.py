"""Exports: whole datasets as JSON Lines or CSV, read at the moment they are downloaded.

Nouns: Export (who asked for what, and how far its last download came).

    ready → running → done → running (again) …     running → failed → running     any → expired

Nothing is stored: the signed address runs the export while it streams, chunk by chunk, each chunk
its own statement through the compiled read path with the account's rights of that moment. A row
whose consent ends is in no later chunk, and a chunk that waited for a slow reader is read anew.
"""
