"""Money follows accepted facts: invoices and payments (OCDS transactions), S4a, INV-24, INV-25.

Nouns: Invoice, Payment. A supplier submits an invoice for an accepted milestone; the buyer matches
it, finance approves it. A payment is requested, approved by another, executed and reconciled; what
it takes from the budget is one journal of the ledger, and its reversal is the same journal turned
round.

Invoice: submitted → matched → approved; submitted | matched → rejected.
Payment: requested → approved → executed → reconciled; requested | approved → failed → requested;
executed → reversed.
"""
