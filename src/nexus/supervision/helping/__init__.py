"""Whether help stayed within its limits, and records of one person are joined as decided."""
