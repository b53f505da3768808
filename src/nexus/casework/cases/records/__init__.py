"""What is written into a case file: notes by level, who takes part, contacts tried, evaluations."""
