"""What a visit must tell the authority: changes in the household, and danger."""
