"""What this storey adds to the worklists."""

from nexus.matching.worklist.policy import KINDS, waits
from nexus.supervision.alerts import policy
from nexus.supervision.alerts.model import Alert

__all__ = ["KINDS"]

waits(
    *("alert.settle", Alert, policy.visible, policy.may_acknowledge, policy.may_handle),
    say="An alert stands: take it on, settle it, or say why it needs nothing.",
)
