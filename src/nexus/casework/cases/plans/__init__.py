"""Plans of a case: versions, goals, approval by the lead, and their review every three months."""
