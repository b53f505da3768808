"""How a slice declares what can be done: results, mutations and plain transitions."""

from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_args

import strawberry

from nexus.graph import identifiers, registering, specs
from nexus.graph.scalars import JSON


@strawberry.type(description="Why a mutation changed nothing: an expected answer, not a fault.")
class Refusal:
    code: str
    message: str
    field: str | None
    details: JSON | None


@strawberry.input(description="What every transition takes.")
class TransitionInput:
    id: strawberry.ID
    expected_version: int
    idempotency_key: str
    reason: str | None = None


def result(name: str, declared: type) -> Any:
    """The union a mutation returns: the row's type or a Refusal."""
    return Annotated[declared | Refusal, strawberry.union(f"{name}Result")]


def _returned(returns: Any) -> str:
    return str(get_args(get_args(returns)[0])[0].__name__)


def mutation(returns: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a mutation `async def verb_noun(act, input) -> row`; `returns` is a `result(…)`.

    Its input has an `idempotency_key`, unless it returns a mapping for a type without a table
    (a sign-in): such an answer is not kept, so it cannot be given twice.
    """
    target = _returned(returns)

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        input_type = function.__annotations__["input"]
        name = specs.camel(function.__name__)
        keyed = any(field.name == "idempotency_key" for field in fields(input_type))
        registering.current().mutations[name] = specs.MutationSpec(
            name, function, target, input_type, keyed
        )
        function.__annotations__["returns"] = returns
        return function

    return declare


def transition(name: str, returns: Any, deed: Callable[..., Any], about: str) -> None:
    """Declare the mutation of a plain transition: its input is a TransitionInput."""
    target = _returned(returns)

    async def run(act: Any, input: TransitionInput) -> Any:
        return await deed(
            act,
            identifiers.decode(input.id, target),
            expected_version=input.expected_version,
            reason=input.reason,
        )

    run.__name__ = name
    run.__doc__ = about
    mutation(returns)(run)
