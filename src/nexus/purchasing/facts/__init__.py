"""Service facts: what really happened, counted for what was bought, each once (INV-27).

Noun: ServiceFact, one visit, closed case, confirmed delivery, effective service record or session
under one contract item. ServiceFact: counted → withdrawn. It is claimed by hand, for a period at
once, or by itself when it happens and just one item can take it; it leaves when it is disputed,
reversed, corrected, revoked or reopened where it comes from, and may be claimed anew. The progress
of a contract's targets is computed from these rows and from nothing else.
"""
