"""What became of bought services: schemes, scores with evidence, the client's voice (T21b)."""
