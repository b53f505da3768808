"""Services bought with public money: from a gap to a contract, from facts to a payment (T21)."""
