"""From a tier of risk to windows of visits: plans, and the clocks that plan and tell."""
