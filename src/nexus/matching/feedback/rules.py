"""What makes a feedback: pure checks."""

from nexus.core.refusals import Invalid

MAX_TEXT = 2000


def check_feedback(rating: int | None, text: str | None, wants_call_back: bool) -> str | None:
    """It says something: a rating of 1-5, a text, or a wish to be called. The text, stripped."""
    said = (text or "").strip() or None
    if rating is None and said is None and not wants_call_back:
        raise Invalid("Give a rating, a text, or ask for a call back.", field="rating")
    if rating is not None and not 1 <= rating <= 5:
        raise Invalid(f"A rating is from 1 to 5, not {rating}.", field="rating")
    if said is not None and len(said) > MAX_TEXT:
        raise Invalid(
            f"The text has {len(said)} characters; at most {MAX_TEXT} are kept.", field="text"
        )
    return said
