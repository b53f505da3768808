"""Papers to print and sign by hand: a visit's record, a referral's slip, a case's summary.

Noun: Printout (one request for one paper).

GET /printouts/{id} with its signature gives the PDF for five minutes; what stands in it is read at
that moment, as whoever asked sees it. No name is printed: papers hold numbers, and lines to sign.
"""
