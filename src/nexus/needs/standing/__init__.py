"""Whether a need still stands after its subject's recognition ended: frozen until confirmed."""
