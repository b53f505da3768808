"""What came to somebody's notice and must not be lost: reports of hardship, by anyone (T22, T5e).

A DiscoveryReport says where, how urgent and through whom; who told it is in the vault. It has one
owner from triage on, wherever it goes. CustodySteps keep the trail, HotlineReplies what a 12345 or
12349 ticket was answered.

    received ─triage→ triaged ─assign→ assigned ─verify→ verified ─convert→ converted
        │                │                │                 ├─dismiss→ unfounded
        └───────────mark_duplicate───→ duplicate_of         ├─close→ closed
                                                            └─take_over→ transferred

A transfer to another area is offered, then taken over, refused or recalled; until it is taken over
the sender owns the report, and the receiver sees no more of it than that it is. What was not
verified yet is triaged there; what was is `transferred`, and converted, dismissed or closed there.

Two clocks run from the receipt: first contact, at once where somebody is in danger, and
verification. A report is converted when a need is recorded from it, by the slice above.
"""
