"""What every step leaves behind: the custody trail, and replies to hotlines."""
