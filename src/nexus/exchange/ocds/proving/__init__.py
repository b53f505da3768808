"""What `nexus verify` recomputes of open contracting data."""
