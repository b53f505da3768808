"""A foreign, a missing, a malformed id and the id of another type get one answer, byte by byte."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from graphql import get_named_type, is_input_object_type, is_list_type, is_non_null_type

from nexus.acting import Act, Role
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.graph.declare import MUTATIONS
from nexus.graph.identifiers import encode, split
from tests.house.conftest import House
from tests.house.matrix_cells import UNSEEN, nodes_declared, selection
from tests.house.matrix_deeds import MAY
from tests.house.matrix_inputs import SAMPLES
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import RELATIONS, Place, kind_of

SAMPLED = (
    Role.ANONYMOUS,
    Role.CHARITY_USER,
    Role.SOCIAL_WORKER,
    Role.GOV_CLERK,
    Role.DPO,
)
"""One of each kind of sight."""


def _foreign(house: House, reviewed: Reviewed, name: str, role: Role) -> Iterator[Any]:
    """Keys of rows of the type that the role does not see."""
    keys = [name, *(key for key in house.world.variants() if kind_of(key) == name)]
    for key in keys:
        cells = reviewed.cells(key, role)
        for place, cell in zip(house.world.of(role), cells, strict=True):
            if cell == UNSEEN:
                yield split(place.id(key))


def _unnamed(name: str, foreign: list[Any]) -> dict[str, str]:
    """Ids that name nothing the caller may see, by what is wrong with them."""
    other = "Need" if name != "Need" else "Offer"
    key = foreign[0][1] if foreign else str(new_id())
    found = {
        "missing": encode(name, new_id()),
        "of another type": encode(other, key),
        "of no node": encode("Refusal", key),
        "of no type": encode("Nothing", key),
        "not canonical": encode(name, key.upper() + " "),
        "without a key": encode(name, ""),
        "half": base64.b64encode(name.encode()).decode(),
        "no base64": "nope!",
        "empty": "",
        "not text": base64.b64encode(b"\xff\xfe:\x00").decode(),
        "a null character": encode(name, "\0"),
    }
    return found | {f"foreign {at}": encode(name, one[1]) for at, one in enumerate(foreign)}


@pytest.mark.parametrize("name", sorted(nodes_declared()))
async def test_node_and_nodes_tell_nothing_apart(
    house: House, reviewed: Reviewed, name: str
) -> None:
    fields = selection(house.executor, nodes_declared()[name], ["id"])
    seen = house.world.places["need", "own"].id("Area")
    documents = (
        f"query($id: ID!) {{ node(id: $id) {{ __typename ... on {name} {{ {fields} }} }} }}",
        f'query($id: ID!) {{ nodes(ids: [$id, "{seen}", $id]) {{ id ... on {name} {{ id }} }} }}',
    )
    for role in SAMPLED:
        foreign = list(_foreign(house, reviewed, name, role))[:6]
        for document in documents:
            answers: dict[bytes, list[str]] = {}
            for what, one in _unnamed(name, foreign).items():
                answer = await house.executor.execute(
                    document, house.world.actor(role), variables={"id": one}
                )
                answers.setdefault(answer.body(), []).append(what)
            assert len(answers) == 1, (role, answers)


def _ids(type_: Any, given: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths at which an input holds ids."""
    inner = type_.of_type if is_non_null_type(type_) else type_
    if is_list_type(inner):
        for at, one in enumerate(given):
            yield from _ids(inner.of_type, one, (*path, at))
    elif is_input_object_type(inner):
        for name, field in inner.fields.items():
            if given.get(name) is not None:
                yield from _ids(field.type, given[name], (*path, name))
    elif get_named_type(inner).name == "ID":
        yield path


POINTERS = {
    "accountId": "Account",
    "assessmentId": "Assessment",
    "carriedFromId": "Goal",
    "caseId": "Case",
    "supervisorId": "Account",
    "workerId": "Worker",
    "withWorkerId": "Worker",
    "visitId": "Visit",
    "pairingId": "Pairing",
    "authorityId": "Organization",
    "consentId": "Consent",
    "correctsId": "Recognition",
    "discoveryReportId": "DiscoveryReport",
    "emergencyId": "EmergencyEvent",
    "guardianId": "Recipient",
    "householdId": "Household",
    "needId": "Need",
    "offerId": "Offer",
    "organizationId": "Organization",
    "ownerId": "Account",
    "parentId": "Station",
    "parentOrganizationId": "Organization",
    "projectId": "CharityProject",
    "recipientId": "Recipient",
    "supplierListId": "SupplierList",
    "catalogueItemIds": "CatalogueItem",
    "catalogueItemId": "CatalogueItem",
    "budgetLineId": "BudgetLine",
    "itemIds": "CatalogueItem",
    "procurementId": "Procurement",
    "supplierId": "Organization",
    "bidId": "Bid",
    "awardId": "Award",
    "managerId": "Account",
    "listId": "SupplierList",
    "gapId": "Gap",
    "contractItemId": "ContractItem",
    "milestoneId": "Milestone",
    "referralId": "Referral",
    "stationId": "Station",
    "supersedesId": "Certificate",
    "toStationId": "Station",
}
"""What ids lead to that the samples leave out."""


def _left_out(type_: Any, given: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths at which an input could hold an id and does not."""
    inner = type_.of_type if is_non_null_type(type_) else type_
    if not is_input_object_type(inner) or inner.extensions["strawberry-definition"].is_one_of:
        return
    for name, field in inner.fields.items():
        value = given.get(name)
        if value is None and getattr(field.type, "name", "") == "ID":
            yield (*path, name)
        elif isinstance(value, dict):
            yield from _left_out(field.type, value, (*path, name))


def _put(given: dict[str, Any], path: tuple[Any, ...], value: str) -> dict[str, Any]:
    changed = deepcopy(given)
    at: Any = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


def _at(given: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        given = given[step]
    return given


async def _answer(house: House, mutation: str, role: Role, place: Place, given: Any) -> str:
    """The refusal in full, or that it was done."""
    deeds = house.deeds()
    value = deeds.input(mutation, given)
    async with deeds.at(SAMPLES[mutation], place) as connection:
        try:
            async with deeds.session(connection) as session:
                await MUTATIONS[mutation].run(Act(session, house.world.actor(role)), value)
        except Refusal as refusal:
            return json.dumps(refusal.as_dict(), ensure_ascii=False, default=str)
    return "done"


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
async def test_a_mutation_tells_no_ids_apart(
    house: House, reviewed: Reviewed, torture: bool, mutation: str
) -> None:
    coordinate = f"Mutation.{mutation}"
    able = [role for role, _ in reviewed.roles_with(coordinate, MAY) if role is not Role.SYSTEM]
    fields: Any = house.executor.schema.get_type(MUTATIONS[mutation].input_type.__name__)
    asking = able if torture else able[-1:]
    for role in dict.fromkeys((*asking, Role.CHARITY_USER, Role.ANONYMOUS)):
        cells = reviewed.cells(coordinate, role)
        place = house.world.of(role)[cells.index(MAY) if MAY in cells else 0]
        given = SAMPLES[mutation].given(place)
        paths = {path: split(_at(given, path))[0] for path in _ids(fields, given)}  # type: ignore[index]
        paths |= {path: POINTERS[path[-1]] for path in _left_out(fields, given)}
        for path, name in paths.items():
            foreign = list(_foreign(house, reviewed, name, role))[:1]
            answers: dict[str, list[str]] = {}
            for what, one in _unnamed(name, foreign).items():
                told = await _answer(house, mutation, role, place, _put(given, path, one))
                answers.setdefault(told, []).append(what)
            assert len(answers) == 1, (role, path, answers)
            assert "done" not in answers, (role, path)


def test_the_relations_are_those_of_the_table(reviewed: Reviewed) -> None:
    assert all(len(reviewed.cells("Need", role)) == len(RELATIONS) for role in Role)
