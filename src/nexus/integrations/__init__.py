"""Foreign systems: one module each, with its fake. The only code that opens connections outward."""
