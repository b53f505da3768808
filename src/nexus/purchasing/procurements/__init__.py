"""Procurements: what a buyer plans, tenders and awards, and which gaps it is to fill (OCDS).

Procurement: planning → tender → award → contracted; unsuccessful from tender and award, cancelled
until contracted, withdrawn before an award. Bid: submitted → valid | disqualified | withdrawn.
Award: pending → active | unsuccessful | cancelled. Planning draws on catalogue items in force and
on budget lines of the buyer; a gap that is linked is planned for, and its first delivery closes it.
"""
