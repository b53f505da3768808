"""How reports come in: told by anyone, or as a hotline's ticket; and whether it was told before."""
