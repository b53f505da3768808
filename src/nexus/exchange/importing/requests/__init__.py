"""Imports asked for over the API: a file that was uploaded, read by the worker, reported by row.

Nouns: ImportProfile (a mapping profile under a name; a new edition replaces it, the old ones stay).

    an ImportRun: requested → running → done | failed (nothing was imported)

It goes under the caller's name and may do no more than their role: an authority publishes as
itself in its territory, a charity brings its own offers. What a source's rows are known by is kept
apart for each organization. A dry run leaves the upload for the real one.
"""
