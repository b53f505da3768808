"""Who owns what is open, what overrides leave behind, and what ended consents ask for."""
