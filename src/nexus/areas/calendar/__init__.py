"""Working days: Monday to Friday, but for the exceptions that the State Council sets each year."""
