"""What becomes of needs when a person joins another household."""
