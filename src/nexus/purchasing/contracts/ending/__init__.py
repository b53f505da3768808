"""How contracts end, and awards that are taken back: the money that is not owed is free again."""
