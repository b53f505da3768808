"""What must hold of procurements, awards and contracts, recomputed (INV-18, 19, 24 and 26)."""
