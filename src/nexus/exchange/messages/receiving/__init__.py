"""Messages in: each treated exactly once by partner and key, late ones kept as history."""
