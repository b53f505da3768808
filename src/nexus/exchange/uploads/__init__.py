"""Uploads: one file, put at a signed address, kept sealed until it is imported or a day has passed.

Nouns: Upload (whose file, of what kind), UploadChunk (a sealed part of it).

    requested → receiving → received → used        receiving → requested (interrupted)
    any before used → expired

A file is a list of needs or offers and may hold names that nobody asked for: its bytes are
ciphertext wherever they lie, and are deleted when they have been read.
"""
