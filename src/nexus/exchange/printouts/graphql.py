"""Papers to print in the graph."""

from datetime import datetime
from uuid import UUID

import strawberry

from nexus.casework.cases.graphql import Case
from nexus.casework.visits.graphql import Visit
from nexus.exchange.printouts import model, operations, policy
from nexus.graph.declare import computed, mutation, node, register_enums, result, to_one
from nexus.graph.identifiers import decode_given
from nexus.matching.referrals.graphql import Referral

register_enums(model.PaperKind)


@node(model.Printout, visible=policy.visible)
class Printout:
    """One request for a paper."""

    paper: model.PaperKind
    url: str = computed(
        lambda actor, row: row.link,
        about="Where to GET the PDF for five minutes: a signed path of this service.",
    )
    expires_at: datetime
    created_at: datetime
    visit: Visit | None = to_one(model.Printout.visit_id)
    referral: Referral | None = to_one(model.Printout.referral_id)
    case: Case | None = to_one(model.Printout.case_id)


PrintoutResult = result("Printout", Printout)


@strawberry.input(one_of=True, description="What the paper is about.")
class PaperSubjectInput:
    visit_id: strawberry.ID | None = strawberry.UNSET
    referral_id: strawberry.ID | None = strawberry.UNSET
    case_id: strawberry.ID | None = strawberry.UNSET


@strawberry.input
class PrintPaperInput:
    subject: PaperSubjectInput
    idempotency_key: str


@mutation(PrintoutResult)
async def print_paper(act, input: PrintPaperInput):  # type: ignore[no-untyped-def]
    """A paper to sign by hand: the record of a visit, a referral's slip, or a case's summary."""
    subject = input.subject
    return await operations.print_paper(
        act,
        visit_id=_named(subject.visit_id, "Visit"),
        referral_id=_named(subject.referral_id, "Referral"),
        case_id=_named(subject.case_id, "Case"),
    )


def _named(given: strawberry.ID | None, name: str) -> UUID | None:
    """The id of the subject that is named; an empty one is an id that nothing has."""
    return decode_given(None if given is strawberry.UNSET else given, name)
