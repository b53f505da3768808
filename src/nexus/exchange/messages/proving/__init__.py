"""The invariants of the exchange, recomputed: nexus verify runs them beside those below."""
