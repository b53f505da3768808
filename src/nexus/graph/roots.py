"""The root fields that belong to no slice: `node`, `nodes`, `stateMachine`, `errorCodes`."""

from functools import cache
from typing import Any

from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import False_

from nexus.acting import Role, shape
from nexus.core.states import Transitions
from nexus.graph import specs
from nexus.graph.declare import node_by_id, query, record, register_enums, static
from nexus.graph.registering import registering
from nexus.graph.relay import Node


def declare_roots(registry: specs.Registry) -> None:
    """Declare them over the types of the registry."""
    register_enums(Role)

    @cache
    def machine_of(type: str) -> dict[str, Any] | None:
        spec = registry.types.get(type)
        return None if spec is None or spec.transitions is None else describe(spec)

    with registering(registry):

        @record
        class StateTransition:
            """One row of a state machine: what a verb leads to from where, and who may do it."""

            verb: str
            from_state: str
            to_state: str
            mutation: str | None
            """Null for what nexus does by itself."""
            roles: list[Role]
            """Those that may do it to some row; `allowedActions` says so of one row."""

        @record
        class StateMachine:
            """The states of a type and every way from one to another."""

            type: str
            states: list[str]
            transitions: list[StateTransition]

        @query
        class GraphQuery:
            node: Node | None = node_by_id(many=False)
            nodes: list[Node | None] = node_by_id(many=True)
            state_machine: StateMachine | None = static(
                machine_of, about="The state machine of a type, such as Need.", type=str
            )


def describe(spec: specs.TypeSpec) -> dict[str, Any]:
    """The type's state machine as plain values."""
    assert spec.transitions is not None
    transitions: Transitions[Any] = spec.transitions
    deeds = {verb: (name, may) for name, (verb, may) in spec.actions.items() if verb}
    roles = {verb: [role.name for role in found] for verb, found in _roles(spec, deeds).items()}
    return {
        "type": spec.name,
        "states": [state.name for state in transitions.states],
        "transitions": [
            {
                "verb": verb,
                "fromState": before.name,
                "toState": after.name,
                "mutation": deeds[verb][0] if verb in deeds else None,
                "roles": roles.get(verb, []),
            }
            for verb, before, after in transitions.rows()
        ],
    }


def _roles(spec: specs.TypeSpec, deeds: dict[str, tuple[str, specs.May]]) -> dict[str, list[Role]]:
    """The roles for which the policy does not simply say no, by verb."""
    row = aliased(spec.table)
    found: dict[str, list[Role]] = {verb: [] for verb in deeds}
    for role in Role:
        actor = shape(role)
        if spec.visible is None or _never(spec.visible(actor, row)):
            continue
        for verb, (_, may) in deeds.items():
            if not _never(may(actor, row)):
                found[verb].append(role)
    return found


def _never(answer: Any) -> bool:
    return answer is False or isinstance(answer, False_)
