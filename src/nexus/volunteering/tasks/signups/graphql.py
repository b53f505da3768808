"""Signing up through the graph."""

import strawberry

from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given
from nexus.volunteering.tasks.graphql import SignupResult
from nexus.volunteering.tasks.signups import operations


@strawberry.input
class SignUpInput:
    position_id: strawberry.ID
    volunteer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For an organizer: somebody of its roster."
    )
    may_wait: bool = strawberry.field(
        default=True, description="False: refused where it is full, instead of waiting."
    )
    idempotency_key: str


@mutation(SignupResult)
async def sign_up(act, input: SignUpInput):  # type: ignore[no-untyped-def]
    """Confirmed while there are slots, else waiting in order; applied where the task decides."""
    return await operations.sign_up(
        act,
        decode(input.position_id, "TaskPosition"),
        volunteer_id=decode_given(input.volunteer_id, "Volunteer"),
        may_wait=input.may_wait,
    )


transition("confirm_signup", SignupResult, operations.confirm_signup, "The organizer's yes.")
transition(
    "decline_signup",
    SignupResult,
    operations.decline_signup,
    "The organizer's no, with a reason that the volunteer reads.",
)
transition(
    "cancel_signup",
    SignupResult,
    operations.cancel_signup,
    "Until it begins; the first who waits moves up. An organizer gives a reason.",
)
transition("mark_attended", SignupResult, operations.mark_attended, "They came.")
transition("mark_no_show", SignupResult, operations.mark_no_show, "They did not come.")
