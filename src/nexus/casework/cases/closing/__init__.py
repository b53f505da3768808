"""How a case ends and begins again: evaluation, the client's word, approval, reopening."""
