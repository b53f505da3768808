"""What a need still owes: its open obligations, which keep it from being closed."""
