"""What waits for whom: the rows on which somebody can act, and until when.

A row is on a *worklist* while somebody should do something about it: `work_item` holds it with the
kind of what waits, and `work_desk` puts it on the desks where it lies: the divisions around it, the
organization and the person who should act, the station, and who sent it. The database keeps both
in the transaction that moves the row (migration 0012), so a list is one range of one index.

Four lists: what waits for me, what I sent and somebody else has to answer, what is overdue, and
what lies with a team. Each entry passes the policy of its row when it is read: a list shows nothing
that its reader does not see, and *waits for me* nothing that they may not do.

A noun that brings new work adds a view `work_of_<table>` with its trigger (as migration 0012 does)
and one line per kind, `waits(...)`, in `policy.py` or above.
"""
