"""What guardians of minors agreed to, and its end."""
