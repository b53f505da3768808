"""What every way of ending a message does: the state, and what waited behind it."""
