"""What of a need goes out, to whom and for how long: releasing, pausing, resuming."""
