"""Hours, certificates and hours on pledges, recomputed."""
