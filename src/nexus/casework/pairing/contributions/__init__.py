"""What helpers gave, and the totals that count for awards."""
