"""What is right for a merge: pure checks."""

from nexus.core.refusals import GuardFailed

MAX_REASON = 500


class NotMergeable(GuardFailed):
    """A record that was merged already, or that others were merged into, cannot go into another."""

    code = "NOT_MERGEABLE"
