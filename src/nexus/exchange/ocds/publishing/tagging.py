"""Which OCDS release tags say what a release brings, compared with the one before it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def tags_of(before: Json | None, after: Json) -> list[str]:
    """The OCDS release tags that say what this release brings."""
    before = before or {}
    found = [
        *_of_part(before.get("planning"), after.get("planning"), "planning", "planningUpdate"),
        *_of_tender(before.get("tender"), after.get("tender")),
        *_of_awards(_by_id(before.get("awards")), _by_id(after.get("awards"))),
        *_of_contracts(_by_id(before.get("contracts")), _by_id(after.get("contracts"))),
    ]
    return list(dict.fromkeys(found)) or ["tenderUpdate"]


def _of_part(before: Any, after: Any, new: str, changed: str) -> list[str]:
    if before == after or not after:
        return []
    return [changed if before else new]


def _of_tender(before: Any, after: Any) -> list[str]:
    over = {"cancelled", "withdrawn"}
    if before and after["status"] in over and before["status"] not in over:
        return ["tenderCancellation"]
    return _of_part(before, after, "tender", "tenderUpdate")


def _of_awards(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterable[str]:
    for key, one in after.items():
        old = before.get(key)
        if old and one["status"] == "cancelled" != old["status"]:
            yield "awardCancellation"
        else:
            yield from _of_part(old, one, "award", "awardUpdate")


def _of_contracts(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterable[str]:
    for key, one in after.items():
        old = before.get(key, {})
        agreed, known = _without_implementation(one), _without_implementation(old)
        amendments = len(one.get("amendments", ())) - len(old.get("amendments", ()))
        if old and amendments:
            yield "contractAmendment"
        elif old and one["status"] == "terminated" != old["status"]:
            yield "contractTermination"
        else:
            yield from _of_part(known, agreed, "contract", "contractUpdate")
        done, was = one.get("implementation"), old.get("implementation")
        yield from _of_part(was, done, "implementation", "implementationUpdate")


def _without_implementation(contract: Json) -> Json:
    return {name: value for name, value in contract.items() if name != "implementation"}


def _by_id(listed: Sequence[Json] | None) -> dict[str, Json]:
    return {one["id"]: one for one in listed or ()}
