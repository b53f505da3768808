"""What waits for whom: the needs, pledges and deliveries on which somebody can act.

A row is on your *worklist* while `allowedActions` says that you may do something about it. It has
no table of its own.
"""
