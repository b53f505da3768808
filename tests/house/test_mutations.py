"""Every mutation: once for its key, at a version, and history afterwards."""

from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import select

from nexus.acting import Act
from nexus.core.outbox import Event
from nexus.graph.declare import MUTATIONS, TYPES
from tests.house.conftest import House
from tests.house.matrix_deeds import MAY
from tests.house.matrix_inputs import SAMPLES
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import CANARY, RELATIONS

WITHOUT_KEY = {
    "addClientKey": "a key is shown once and kept as a digest",
    "attendanceCode": "it changes each minute and is kept nowhere",
    "openVolunteerIdentity": "nor a volunteer's name",
    "openReveal": "identity in clear is never kept as an answer",
    "openReferralReveal": "nor where a receiver reads it",
    "openReporter": "who told of something is never kept as an answer",
    "similarRecipients": "a search changes nothing; it may be asked again",
    "similarReports": "a search changes nothing; it may be asked again",
    "resetPassword": "a password is shown once and kept nowhere",
    "rotateExchangeSecret": "a secret is shown once and kept sealed",
    "rotateWebhookSecret": "a secret is shown once and kept sealed",
}
WITHOUT_VERSION = {
    "openReveal": "a reveal never changes",
    "openReporter": "nor does one of who told",
    "openVolunteerIdentity": "nor one of a volunteer",
    "printCertificate": "a request to print changes no certificate",
    "redeliverFailed": "it is about the log, not about the endpoint",
    "redeliverWebhook": "an entry of the log has no version",
    "retireClientKey": "a key has no version: it is retired or not",
    "revokeAccessToken": "a token has no version: it is revoked or not",
}
BY_THE_PROVINCE = {"approveLongDay"}
"""The world's people are of counties: tests/volunteering/test_hours.py has a province's."""
LINES = {"changeQuantity", "changeSlots", "removeNeedLine"}
"""Deeds on a line at the version of its need."""


def _inputs(mutation: str) -> set[str]:
    return {field.name for field in fields(MUTATIONS[mutation].input_type)}


def test_every_input_has_an_idempotency_key() -> None:
    lacking = {name for name in MUTATIONS if "idempotency_key" not in _inputs(name)}
    assert lacking == set(WITHOUT_KEY)


def test_every_move_of_a_row_names_its_version() -> None:
    """Each transition, and whatever else is done to a row by its `id`."""
    transitions = {
        name
        for spec in TYPES.values()
        for name, (verb, _) in spec.actions.items()
        if verb is not None and MUTATIONS[name].returns == spec.name
    }
    moves = transitions | LINES | {name for name in MUTATIONS if "id" in _inputs(name)}
    lacking = {name for name in moves if "expected_version" not in _inputs(name)}
    assert lacking == set(WITHOUT_VERSION)


@pytest.mark.parametrize("mutation", sorted(MUTATIONS.keys() - BY_THE_PROVINCE))
async def test_every_mutation_leaves_history(
    house: House, reviewed: Reviewed, mutation: str
) -> None:
    """An event of it, about a row, whose facts are ids, codes and numbers."""
    role, relation = next(iter(reviewed.roles_with(f"Mutation.{mutation}", MAY)))
    place = house.world.of(role)[RELATIONS.index(relation)]
    deeds, sample = house.deeds(), SAMPLES[mutation]
    value = deeds.input(mutation, sample.given(place))
    async with deeds.at(sample, place) as connection, deeds.session(connection) as session:
        before = set(await session.scalars(select(Event.id)))
        await MUTATIONS[mutation].run(Act(session, house.world.actor(role)), value)
        await session.flush()
        made = await session.execute(select(Event.kind, Event.facts).where(Event.id.not_in(before)))
        events = made.all()
    assert events
    for kind, facts in events:
        assert all(kind.partition("."))
        assert not CANARY.search(str(facts))
        assert all(_is_plain(fact) for fact in facts.values()), facts


def _is_plain(fact: Any) -> bool:
    """An id, a code, a number, or a list of such: nothing that somebody wrote."""
    if isinstance(fact, list):
        return all(_is_plain(one) for one in fact)
    return isinstance(fact, int) or (isinstance(fact, str) and fact.isascii() and " " not in fact)
