"""Deliveries: changes turned into posts, sent in order for each object, tried for seven days.

    pending → delivered             accepted by the receiver (any 2xx)
    pending → withheld              no longer the account's to know when it was its turn
    pending → dead                  seven days of failures; or the endpoint was deleted
    delivered, dead → pending       redelivered by its owner, under the same webhook-id

A courier leases an endpoint at a time, so one that hangs holds up nobody but itself. After a few
failures in a row the endpoint's breaker opens: one delivery is tried now and then, the others wait.
"""
