"""The matrix bites: what a policy forbids is noticed as soon as that policy is gone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, NoResultFound

from nexus.accounts import policy as accounts
from nexus.accounts.clients import policy as clients
from nexus.acting import Act, Role, View, always
from nexus.casework import policy as casework
from nexus.casework.assessments import policy as assessments
from nexus.casework.cases import policy as cases
from nexus.casework.pairing import policy as pairing
from nexus.casework.visits import policy as visits
from nexus.charity import policy as charity
from nexus.discovery import policy as discovery
from nexus.emergencies import policy as emergencies
from nexus.evaluation.evaluations import policy as evaluations
from nexus.evaluation.independence import policy as independence
from nexus.evaluation.schemes import policy as schemes
from nexus.evaluation.voice import policy as voice
from nexus.exchange.exports import policy as exports
from nexus.exchange.importing.requests import policy as imports
from nexus.exchange.messages import policy as messages
from nexus.exchange.printouts import policy as printouts
from nexus.exchange.uploads import policy as uploads
from nexus.exchange.webhooks import policy as webhooks
from nexus.graph.declare import MUTATIONS, TYPES
from nexus.matching.feedback import policy as feedback
from nexus.matching.pledges import policy as pledges
from nexus.matching.referrals import policy as referrals
from nexus.needs import policy as needs
from nexus.organizations import policy as organizations
from nexus.purchasing.budgets import policy as budgets
from nexus.purchasing.catalogue import policy as catalogue
from nexus.purchasing.procurements import policy as procurements
from nexus.purchasing.procurements.suppliers import policy as suppliers
from nexus.recipients import policy as recipients
from nexus.recipients.vault import policy as vault
from nexus.reports import policy as reports
from nexus.volunteering import policy as volunteering
from nexus.volunteering.certificates import policy as certificates
from nexus.volunteering.tasks import policy as tasks
from tests.house.conftest import House
from tests.house.matrix_cells import (
    REDACTED,
    UNSEEN,
    field_cells,
    nodes_declared,
    seen_cells,
)
from tests.house.matrix_deeds import FORBIDDEN
from tests.house.matrix_inputs import SAMPLES
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import RELATIONS, kind_of

PUBLIC_BY_LAW = {
    *("Area", "AssistanceStandard", "CodeEntry", "EmergencyEvent", "Instrument"),
    *("OpeningSchedule", "Parameter", "Station", "VisitChecklist"),
}
"""Types that everybody sees whole: their predicate is true already."""

ASKED_FIRST: dict[str, tuple[Any, ...]] = {
    "createAssessment": (assessments, "may_create"),
    "createCase": (cases, "may_create"),
    "planVisits": (visits, "may_plan"),
    "recordVisit": (visits, "may_record"),
    "reportChange": (visits, "may_report"),
    "addVisitChecklist": (visits, "may_add_checklist"),
    "startPairing": (pairing, "may_pair"),
    "recordContribution": (pairing, "may_record"),
    "openCaseFromReport": (cases, "may_create"),
    "registerVolunteer": (volunteering, "may_register"),
    "joinRoster": (volunteering, "may_join"),
    "createTeam": (volunteering, "may_create_team"),
    "createVolunteerTask": (tasks, "may_create"),
    "prepareCertificate": (certificates, "may_prepare"),
    "createDiscoveryReport": (discovery, "may_report"),
    "recordHotlineTicket": (discovery, "may_bring_tickets", "may_report"),
    "similarReports": (discovery, "may_link"),
    "declareEmergency": (emergencies, "may_declare"),
    "createReferral": (referrals, "may_create"),
    "createAccount": (accounts, "may_create"),
    "createExchangePartner": (messages, "may_create"),
    "createHousehold": (recipients, "may_create"),
    "createNeed": (needs, "may_create"),
    "linkNeedToCase": (needs, "has_case"),
    "createOffer": (charity, "may_create"),
    "createOrganization": (organizations, "may_create"),
    "createProject": (charity, "may_create"),
    "createStation": (casework, "may_create"),
    "createWebhookEndpoint": (webhooks, "may_create"),
    "registerApiClient": (clients, "may_register"),
    "registerImportProfile": (imports, "may_register"),
    "requestExport": (exports, "may_request"),
    "freezeReport": (reports, "may_freeze"),
    "requestUpload": (uploads, "may_request"),
    "updateNeed": (needs, "may_create"),
    "findRecipientByIdNumber": (vault, "may_find"),
    "similarRecipients": (vault, "may_find"),
    "importUploaded": (imports, "may_import"),
    "printPaper": (printouts, "may_print"),
    "createSupplierList": (suppliers, "may_create_list"),
    "planProcurement": (procurements, "may_plan"),
    "receiveMessage": (messages, "may_send_in"),
    "offerPledge": (pledges, "may_offer"),
    "createScheme": (schemes, "may_create"),
    "draftCatalogueItem": (catalogue, "may_draft"),
    "draftBudgetLine": (budgets, "may_draft"),
    "declareTie": (independence, "may_declare"),
    "planEvaluation": (evaluations, "may_plan"),
    "giveClientFeedback": (voice, "may_collect"),
}
"""Deeds that ask their policy before there is a row to permit, or besides."""
NOT_TAKEN = {
    "claimFact": "looks for the item by the parties to its contract",
    "claimFacts": "looks for the item by the parties to its contract",
    "submitAcceptance": "looks for the milestone by the parties to its contract",
    "findRecipientByIdNumber": "looks by a number, and only in the territory",
    "similarRecipients": "looks by a number or a name, and only in the territory",
    "createAssessment": "looks for the household and the posting by statements of its own",
    "createCase": "looks for the household and the posting by statements of its own",
    "acknowledgeMessages": "finds many at once, and only those it sees",
    "receiveMessage": "looks by a number, and only among the authority's own needs",
    "offerPledge": "reads the ground it needs in a statement of its own",
    "registerApiClient": "nexus itself has no organization to register one for",
    "freezeReport": "looks for the area, and only in the territory",
}
"""Deeds that find their row by another way than `take` or `find`."""


def _anything(*_: Any) -> Any:
    return always()


@pytest.mark.parametrize("name", sorted(nodes_declared()))
async def test_a_type_without_its_policy_is_noticed(
    house: House, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keys = [name, *(key for key in house.world.variants() if kind_of(key) == name)]
    hidden = [(key, role) for key in keys for role, _ in reviewed.roles_with(key, UNSEEN)]
    if not hidden:
        assert name in PUBLIC_BY_LAW
        return
    roles = {role for _, role in hidden[:1] + hidden[-1:]}
    monkeypatch.setattr(TYPES[name], "visible", _anything)
    computed = await seen_cells(house.fresh_executor(), house.world, keys, roles)
    assert [
        (key, role)
        for key in keys
        for role in roles
        if computed[key][role] != reviewed.cells(key, role)
    ]


CLASSIFIED = sorted(
    f"{name}.{field}"
    for name, spec in TYPES.items()
    for field, declared in spec.fields.items()
    if getattr(declared, "allowed", None) is not None
)


WITHHELD_FOR_A_WHILE = {
    **dict.fromkeys(
        ("DiscoveryReport.area", *(f"DiscoveryReport.ticket{x}" for x in ("No", "System", "Type"))),
        "while a transfer is offered: tests/journeys/test_hotline_to_help.py",
    ),
    **dict.fromkeys(
        ("ReferralLine.item", *(f"Referral.{x}" for x in ("category", "shownArea", "summary"))),
        "once the consent has ended: tests/journeys/test_referral_loop.py",
    ),
    "Referral.title": "once the consent has ended: tests/journeys/test_referral_loop.py",
}
"""What the world's rows never withhold, and where it is shown withheld."""


def test_what_is_withheld_for_a_while_has_no_line_that_says_so(reviewed: Reviewed) -> None:
    shown = [c for c in WITHHELD_FOR_A_WHILE if [*reviewed.roles_with(c, REDACTED)]]
    assert shown == [], "the matrix can tell these now"


@pytest.mark.parametrize("coordinate", sorted({*CLASSIFIED} - WITHHELD_FOR_A_WHILE.keys()))
async def test_a_field_without_its_class_is_noticed(
    house: House, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch, coordinate: str
) -> None:
    name, _, field = coordinate.partition(".")
    role, _ = next(iter(reviewed.roles_with(coordinate, REDACTED)))
    declared: Any = TYPES[name].fields[field]
    monkeypatch.setitem(TYPES[name].fields, field, replace(declared, allowed=_anything))
    executor = house.fresh_executor()
    computed = await field_cells(executor, house.world, name, [role], [field, "redactions"])
    assert computed[coordinate][role] != reviewed.cells(coordinate, role)


@contextmanager
def _permitted(monkeypatch: pytest.MonkeyPatch, mutation: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(Act, "permit", lambda *_: None)
        if mutation in ASKED_FIRST:
            module, *names = ASKED_FIRST[mutation]
            for name in names:
                patch.setattr(module, name, lambda *_: True)
        if mutation == "giveFeedback":
            source = next(iter(feedback.SOURCES.values()))
            patch.setattr(feedback, "SOURCES", dict.fromkeys(Role, source))
        yield


@contextmanager
def _all_seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def blind(method: Callable[..., Any]) -> Callable[..., Any]:
        async def seeing(self: Any, model: Any, row_id: Any, **given: Any) -> Any:
            return await method(self, model, row_id, **{**given, "visible": _anything})

        return seeing

    with monkeypatch.context() as patch:
        patch.setattr(View, "find", blind(View.find))
        patch.setattr(Act, "take", blind(Act.take))
        yield


async def _cell(house: House, mutation: str, role: Role, relation: str) -> str:
    deeds = house.deeds()
    place = house.world.of(role)[RELATIONS.index(relation)]
    sample = SAMPLES[mutation]
    value = deeds.input(mutation, sample.given(place))
    async with deeds.at(sample, place) as connection:
        try:
            return await deeds.cell(connection, mutation, place, role, value)
        except (IntegrityError, NoResultFound, KeyError) as lacking:
            return f"without what the role would have had: {lacking!r}"


async def test_a_mutation_without_its_permission_is_noticed(
    house: House, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for mutation in MUTATIONS:
        refused = next(iter(reviewed.roles_with(f"Mutation.{mutation}", FORBIDDEN)), None)
        if refused is None:
            continue
        with _permitted(monkeypatch, mutation):
            if await _cell(house, mutation, *refused) == FORBIDDEN:
                unnoticed.append(mutation)
    assert unnoticed == [], " ".join(unnoticed)


async def test_a_mutation_that_takes_what_is_not_seen_is_noticed(
    house: House, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for mutation in MUTATIONS.keys() - NOT_TAKEN.keys():
        unseen = list(reviewed.roles_with(f"Mutation.{mutation}", UNSEEN))
        with _all_seen(monkeypatch):
            if unseen and await _cell(house, mutation, *unseen[-1]) == UNSEEN:
                unnoticed.append(mutation)
    assert unnoticed == []
