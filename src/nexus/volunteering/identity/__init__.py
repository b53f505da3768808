"""Who a volunteer is: asked for by those who call, read in clear for five minutes, erased."""
