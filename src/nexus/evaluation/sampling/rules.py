"""Commitments and draws: what is told before, and what must not have changed."""

import hashlib

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text

MOST_DRAWN = 1000


class FrameChanged(GuardFailed):
    """The facts are not those that the sample was committed on any more."""

    code = "FRAME_CHANGED"


def commitment(seed: str) -> str:
    """SHA-256 of the seed's text, in hex."""
    return hashlib.sha256(seed.encode()).hexdigest()


def check_size(size: int, frame: int) -> int:
    """At least one fact, and not more than there are."""
    if frame == 0:
        raise GuardFailed(
            "Nothing counts for this contract in the period: there is nothing to draw from.",
            rule="sample",
        )
    if not 1 <= size <= MOST_DRAWN:
        raise Invalid(f"size is from 1 to {MOST_DRAWN}.", field="size")
    return min(size, frame)


def check_frame(committed: str, now: str, before: int, after: int) -> None:
    """The frame is the one that was committed on (scenario 18)."""
    if committed != now:
        raise FrameChanged(
            "Facts were counted or withdrawn since the sample was committed: void it, and commit "
            "anew.",
            rule="sample",
            committed=before,
            now=after,
        )


def check_note(note: str | None, *, needed: bool) -> str | None:
    """Why a fact is doubtful or unfounded."""
    if not needed and not (note or "").strip():
        return None
    return check_impersonal(check_text(note, field="note", most=1000), field="note")
