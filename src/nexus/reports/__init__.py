"""Reports a buyer can put on the table: one model, every format."""
