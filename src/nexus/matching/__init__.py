"""The bridge between needs and help: suggestions, pledges, deliveries, feedback."""
