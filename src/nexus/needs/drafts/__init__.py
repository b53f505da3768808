"""A need before it is submitted: recording it, changing it, its lines."""
