"""Who told of it: asked for by those who call back, read in clear for five minutes, erased."""
