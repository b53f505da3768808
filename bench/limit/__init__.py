"""The limit: the SQL that nexus runs, without nexus around it."""
