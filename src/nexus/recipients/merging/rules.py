"""What is right for a merge: pure checks."""

from nexus.core.refusals import GuardFailed, Invalid

MAX_REASON = 500


class NotMergeable(GuardFailed):
    """A record that was merged already, or that others were merged into, cannot go into another."""

    code = "NOT_MERGEABLE"


def check_reason(verb: str, reason: str | None) -> str:
    """A reason that says something."""
    said = (reason or "").strip()
    if not 0 < len(said) <= MAX_REASON:
        raise Invalid(f"'{verb}' needs a reason of 1 to {MAX_REASON} characters.", field="reason")
    return said
