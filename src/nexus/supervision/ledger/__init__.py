"""The allocation ledger's sums, recomputed from its moves."""
