"""What is done with a report between its receipt and its end, as mutations."""
