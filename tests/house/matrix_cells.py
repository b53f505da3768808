"""What is read: through `node` of every field, and through every root field."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from graphql import get_named_type, is_leaf_type

from nexus.acting import Role
from nexus.graph import specs
from nexus.graph.declare import TYPES
from nexus.graph.execution import Executor
from nexus.graph.identifiers import encode
from tests.house.matrix_world import Place, World, kind_of

READ, REDACTED, HIDDEN, EMPTY, UNSEEN = "read", "redacted", "hidden", "empty", "-"
Cells = tuple[str, ...]
"""One cell for each relation, in the order of RELATIONS."""
Computed = dict[str, dict[Role, Cells]]
"""By coordinate."""

STAND_INS = {
    "Case.closeReason": "Case/closed",
    "Case.referredTo": "Case/out",
    "Contract.endedAt": "Contract/ended",
    "SupplierList.admissions": "SupplierList/joined",
    "Contract.acceptances": "Contract/served",
    "Contract.serviceFacts": "Contract/served",
    "Contract.progress": "Contract/served",
    "ContractItem.serviceFacts": "ContractItem/visit",
    "Milestone.acceptances": "Milestone/1",
    "Acceptance.previous": "Acceptance/again",
    "ServiceFact.case": "ServiceFact/case",
    "ServiceFact.delivery": "ServiceFact/delivery",
    "ServiceFact.serviceRecord": "ServiceFact/service_record",
    "ServiceFact.session": "ServiceFact/session",
    "Procurement.endedAt": "Procurement/ended",
    "Contract.budgetEntries": "Contract/served",
    "Contract.invoices": "Contract/served",
    "Contract.payments": "Contract/served",
    "Milestone.invoices": "Milestone/1",
    "Milestone.payments": "Milestone/1",
    "Payment.approvedBy": "Payment/settled",
    "Payment.closedBy": "Payment/settled",
    "Payment.entries": "Payment/settled",
    "Payment.executedBy": "Payment/settled",
    "DiscoveryReport.case": "DiscoveryReport/cased",
    "DiscoveryReport.duplicateOf": "DiscoveryReport/duplicate",
    "ExchangeMessage.changeReport": "ExchangeMessage/change",
    "ExchangeMessage.report": "ExchangeMessage/hotline",
    "MissingNotice.need": "MissingNotice/need",
    "Need.confirmReason": "Need/frozen",
    "Need.frozenAt": "Need/frozen",
    "Offer.previewLines": "Offer[draft]",
    "Recognition.household": "Recognition/household",
    "Contract.evaluations": "Contract/evaluated",
    "Contract.clientVoice": "Contract/heard",
    "Visit.pictures": "Visit/done",
    "Evaluation.report": "Evaluation[draft]",
    "Evaluation.clientFeedback": "Evaluation/assessed",
    "Evaluation.samples": "Evaluation/assessed",
    "Volunteer.guardianConsents": "Volunteer/child",
    "VolunteerTask.checkIns": "VolunteerTask/large",
    "Printout.case": "Printout/summary",
    "Printout.referral": "Printout/slip",
    "VisitPicture.removedAt": "VisitPicture/removed",
    "VisitPicture.signer": "VisitPicture/signed",
    "VisitPicture.stateReason": "VisitPicture/removed",
    "VisitPicture.url": "VisitPicture/waiting",
    "VolunteerTask.links": "VolunteerTask/now",
    "VolunteerTask.serviceRecords": "VolunteerTask/past",
    "Contribution.worker": "Contribution/worker",
    "Pairing.worker": "Pairing/worker",
    "Pledge.taskLinks": "Pledge/offered",
    "NeedLine.taskSuggestions": "NeedLine/hours",
    "CheckIn.outArea": "CheckIn/closed",
    "ServiceRecord.checkIn": "ServiceRecord/second",
    "ServiceRecord.corrects": "ServiceRecord/second",
    "Certificate.supersedes": "Certificate/second",
    "Referral.completedAt": "Referral/confirmed",
    "Referral.confirmedAt": "Referral/confirmed",
    "Referral.contactedOn": "Referral/confirmed",
    "Referral.legalBasis": "Referral/rejected",
    "Referral.outcome": "Referral/confirmed",
    "Referral.parent": "Referral/onward",
    "Referral.rejectReason": "Referral/rejected",
    "Referral.reopens": "Referral/onward",
    "Referral.toStation": "Referral/rejected",
}
"""Fields that the type's own row cannot fill, and the row that does."""


def nodes_declared() -> dict[str, specs.TypeSpec]:
    """The types that `node` can give."""
    return {name: spec for name, spec in TYPES.items() if spec.table is not None}


# Fields ---------------------------------------------------------------------------------------


def selection(executor: Executor, spec: specs.TypeSpec, names: Iterable[str]) -> str:
    """These fields of a type, one level deep."""
    found: Any = executor.schema.get_type(spec.name)
    parts = []
    for name in names:
        match spec.fields[name]:
            case specs.Pages():
                parts.append(f"{name}(first: 1) {{ nodes {{ __typename }} }}")
            case specs.Derived():
                parts.append(f"{name}(first: 1) {{ __typename }}")
            case _:
                leaf = is_leaf_type(get_named_type(found.fields[name].type))
                parts.append(name if leaf else f"{name} {{ __typename }}")
    return " ".join(parts)


async def ask(executor: Executor, world: World, role: Role, text: str, **variables: Any) -> Any:
    """The data of a query as the role."""
    answer = await executor.execute(text, world.actor(role), variables=variables)
    assert not answer.errors
    return json.loads(answer.data)


async def field_cells(
    executor: Executor,
    world: World,
    type_name: str,
    roles: Iterable[Role],
    only: Iterable[str] | None = None,
) -> Computed:
    """The rows of a type and of its fields, or of `only` some."""
    spec = TYPES[type_name]
    names = list(spec.fields if only is None else only)
    text = (
        "query($ids: [ID!]!) { nodes(ids: $ids) "
        f"{{ ... on {type_name} {{ {selection(executor, spec, names)} }} }} }}"
    )
    others = {name: key for name in names if (key := STAND_INS.get(f"{type_name}.{name}"))}
    keys = list(dict.fromkeys([type_name, *others.values()]))
    computed: Computed = {type_name: {}, **{f"{type_name}.{n}": {} for n in names}}
    for role in roles:
        places = world.of(role)
        ids = [place.id(key) for key in keys for place in places]
        data = await ask(executor, world, role, text, ids=ids)
        found = [data["nodes"][at : at + len(places)] for at in range(0, len(ids), len(places))]
        by_key = dict(zip(keys, found, strict=True))
        rows = by_key[type_name]
        computed[type_name][role] = tuple(READ if row else UNSEEN for row in rows)
        for name in names:
            shown = by_key[others.get(name, type_name)]
            cells = [_cell(f"{type_name}.{name}", spec.fields[name], row) for row in shown]
            computed[f"{type_name}.{name}"][role] = tuple(cells)
    return computed


def _cell(coordinate: str, declared: specs.Spec, row: dict[str, Any] | None) -> str:
    if row is None:
        return UNSEEN
    name = coordinate.partition(".")[2]
    value = row[name]
    if name in row.get("redactions", ()):
        assert value is None, f"{coordinate} is called withheld and shown all the same"
        return REDACTED
    match declared:
        case specs.ToOne() | specs.NodeOf() if value is None:
            return HIDDEN
        case specs.Pages() if not value["nodes"]:
            return EMPTY
        case specs.Derived() if not value:
            return EMPTY
        case specs.Column() if declared.allowed is not None and value is None:
            raise AssertionError(f"the world leaves {coordinate} empty, so it says nothing")
    return READ


async def seen_cells(
    executor: Executor, world: World, keys: Sequence[str], roles: Iterable[Role]
) -> Computed:
    """Whether rows are seen at all: of a type, or variants such as drafts."""
    computed: Computed = {key: {} for key in keys}
    for role in roles:
        places = world.of(role)
        for at in range(0, len(keys), 20):
            some = keys[at : at + 20]
            ids = [place.id(key) for key in some for place in places]
            text = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
            data = await ask(executor, world, role, text, ids=ids)
            seen = iter(data["nodes"])
            for key in some:
                computed[key][role] = tuple(READ if next(seen) else UNSEEN for _ in places)
    return computed


# Root fields ----------------------------------------------------------------------------------


async def root_cells(executor: Executor, world: World, roles: Iterable[Role]) -> Computed:
    """For each root field, whose rows it gives."""
    roots = TYPES["Query"].fields
    computed: Computed = {f"Query.{name}": {} for name in roots}
    for role in roles:
        for name, declared in roots.items():
            cells = await _root(executor, world, role, name, declared)
            computed[f"Query.{name}"][role] = cells
    return computed


_WORKLISTS = ("waitingForMe", "sentByMe", "overdueWork", "teamWork")


def _ids(place: Place) -> set[str]:
    return {encode(kind_of(key), row.id) for key, row in place.rows.items() if hasattr(row, "id")}


async def _worklist(executor: Executor, world: World, role: Role, name: str) -> set[str]:
    """Every id that a worklist leads to."""
    text = (
        f"query($after: String) {{ page: {name}(first: 100, after: $after) "
        "{ items { node { id } } hasMore endCursor } }"
    )
    found: set[str] = set()
    after = None
    while page := (await ask(executor, world, role, text, after=after))["page"]:
        found |= {one["node"]["id"] for one in page["items"] if one["node"]}
        if not page["hasMore"]:
            break
        after = page["endCursor"]
    return found


_BY_ROW: dict[str, tuple[str, Callable[[Place], str]]] = {
    "assistanceChain": (
        "query($of: ID!) { assistanceChain(household: $of) { steps { kind } } }",
        lambda place: place.id("Household"),
    ),
    "attestation": (
        "query($of: String!) { attestation(token: $of) { status } }",
        lambda place: str(place["Attestation"].token),
    ),
    "coordinationPack": (
        "query($of: String!) { coordinationPack(area: $of) { asOf } }",
        lambda place: place.town,
    ),
    "contributionTotals": (
        "query($of: Date!) { contributionTotals(since: $of) { helpers { records } } }",
        lambda place: "2020-01-01",
    ),
    "visitCoverage": (
        "query($of: String!) { visitCoverage(area: $of) { cells { due } } }",
        lambda place: place.town,
    ),
    "certificate": (
        "query($of: String!) { certificate(code: $of) { standing } }",
        lambda place: str(place["Certificate"].code),
    ),
    "gapReport": (
        "query($of: String!) { gapReport(area: $of) { cells { withheld } } }",
        lambda place: place.county,
    ),
    "alreadyHelped": (
        "query($of: ID!) { alreadyHelped(lineId: $of) { blocked } }",
        lambda place: place.id("NeedLine/limited"),
    ),
    "alreadyHelpedAlias": (
        'query($of: String!) { alreadyHelpedAlias(householdAlias: $of, item: "FOOD.RICE") '
        "{ blocked } }",
        lambda place: str(place["Attestation"].alias),
    ),
}
"""Roots that answer about one row: the question, and how it names the row."""


async def _root(
    executor: Executor, world: World, role: Role, name: str, declared: specs.Spec
) -> Cells:
    places = world.of(role)
    target = TYPES["Query"].targets[name]
    match declared:
        case specs.Static():
            return (READ,) * len(places)
        case specs.NodeById():
            many = "nodes(ids: [$id])" if declared.many else "node(id: $id)"
            text = f"query($id: ID!) {{ {name}: {many} {{ id }} }}"
            asked = [
                await ask(executor, world, role, text, id=place.id("Station")) for place in places
            ]
            return tuple(READ if place.id("Station") in str(data) else UNSEEN
                         for place, data in zip(places, asked, strict=True))  # fmt: skip
        case specs.One():
            data = await ask(executor, world, role, f"{{ {name} {{ id }} }}")
            return tuple(READ if place.id(target) in str(data) else UNSEEN for place in places)
        case specs.Found() if name in _BY_ROW:
            text, given = _BY_ROW[name]
            asked = [await ask(executor, world, role, text, of=given(place)) for place in places]
            found = [data[name] for data in asked]
            return tuple(READ if one and one.get("steps", True) else UNSEEN for one in found)
        case specs.Found() if name in _WORKLISTS:
            listed = await _worklist(executor, world, role, name)
            return tuple(READ if listed & _ids(place) else UNSEEN for place in places)
        case specs.Found():
            text = f"{{ {name}(first: 1000) {{ entries {{ objectId }} }} }}"
            data = await ask(executor, world, role, text)
            return tuple(READ if place.id("Need") in str(data) else UNSEEN for place in places)
        case specs.Derived():
            data = await ask(executor, world, role, f"{{ {name} {{ area {{ code }} }} }}")
            return tuple(READ if f"'{place.county}'" in str(data) else UNSEEN for place in places)
    listed = await _listed(executor, world, role, name)
    return tuple(READ if place.id(target) in listed else UNSEEN for place in places)


async def _listed(executor: Executor, world: World, role: Role, name: str) -> set[str]:
    """Every id that a root collection lists."""
    text = (
        f"query($after: String) {{ page: {name}(first: 1000, after: $after) "
        "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
    )
    found: set[str] = set()
    after = None
    while True:
        page = (await ask(executor, world, role, text, after=after))["page"]
        found |= {node["id"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
