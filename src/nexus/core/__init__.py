"""What every slice stands on: database, states, refusals, outbox, crypto. No business noun."""
