"""The ledger: who takes up how much of which need line, and where every quantity stands.

A *pledge* (认领) takes up a quantity of one line for one organization, from one of its offers or
from none. Its *allocation* is the ledger row; each *move* carries a quantity from one bucket to
another, and the database adds it up: in the allocation, in the line's counters, in the offer's.

    pledge:  offered → accepted → partly_fulfilled → fulfilled
             offered → rejected | withdrawn | expired
             accepted → withdrawn | expired
             accepted | partly_fulfilled → release_requested → released | kept (accepted)
             partly_fulfilled → accepted, fulfilled → released: when its deliveries are reversed

    bucket:  open → reserved → committed → delivered → confirmed
             open → committed (the offer was approved beforehand)
             reserved | committed → released;  delivered → reversed

The quantity is reserved with the offer of help, not at its acceptance: see
docs/decisions/0010-reserve-on-offer.md. After acceptance the state follows the sums and nothing
else. Pledges on a need that is not published are frozen: they can be given back, not advanced.
"""
