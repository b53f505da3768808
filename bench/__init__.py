"""Benchmarks: nexus against its peers and against the limit of the same SQL.

`python -m bench` (or `make bench`) makes a database, starts every server, asserts that all give the
same answers, measures them interleaved, and writes the ratios to bench/results.md.
"""
