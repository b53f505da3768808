"""Second persons, guardians, recognitions, history, and the guards in the database."""
