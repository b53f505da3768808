"""News becomes messages: each event once, in the order of the feed, counted by household."""
