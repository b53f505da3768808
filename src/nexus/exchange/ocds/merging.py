"""Releases of one process become one: the merge routine of OCDS 1.1.

https://standard.open-contracting.org/1.1/en/schema/merging/
"""

from collections.abc import Iterable, Mapping
from typing import Any

OMITTED = frozenset({"id", "date", "tag"})
"""Of the release itself; the compiled one has its own."""
WHOLE = frozenset({"additionalClassifications", "additionalIdentifiers"})
"""Arrays of objects that a later release replaces as one."""

Path = tuple[str, ...]


def compiled(releases: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], list[Path]]:
    """(the compiled release, where a later release has another type of value), oldest first.

    Later values replace earlier ones, null removes, objects in arrays are matched by id.
    """
    merged: dict[str, Any] = {}
    changed: list[Path] = []
    last: Mapping[str, Any] = {}
    for last in releases:
        plain = {name: value for name, value in last.items() if name not in OMITTED}
        _merge(merged, plain, (), changed)
    ocid, date = last.get("ocid"), last.get("date")
    return {**merged, "tag": ["compiled"], "id": f"{ocid}-{date}", "date": date}, changed


def _merge(into: dict[str, Any], new: Mapping[str, Any], path: Path, changed: list[Path]) -> None:
    for name, value in new.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict):
            if value:
                _merge(
                    _object_at(into, name, (*path, name), changed), value, (*path, name), changed
                )
        elif _by_id(name, value):
            if value:
                _merge_list(into, name, value, (*path, name), changed)
        else:
            if isinstance(into.get(name), dict):
                changed.append((*path, name))
            into[name] = value


def _by_id(name: str, value: Any) -> bool:
    objects = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    return objects and name not in WHOLE


def _object_at(into: dict[str, Any], name: str, path: Path, changed: list[Path]) -> dict[str, Any]:
    found = into.get(name)
    if isinstance(found, dict):
        return found
    if found is not None:
        changed.append(path)
    made: dict[str, Any] = {}
    into[name] = made
    return made


def _merge_list(
    into: dict[str, Any], name: str, new: list[dict[str, Any]], path: Path, changed: list[Path]
) -> None:
    found = into.get(name)
    if not isinstance(found, list) or any(not isinstance(one, dict) for one in found):
        if found is not None:
            changed.append(path)
        found = into[name] = []
    known = {_key(one["id"]): one for one in found if "id" in one}
    for one in new:
        target = known.get(_key(one["id"])) if "id" in one else None
        if target is None:
            target = {"id": one["id"]} if "id" in one else {}
            found.append(target)
            if "id" in one:
                known[_key(one["id"])] = target
        rest = {key: value for key, value in one.items() if key != "id"}
        _merge(target, rest, (*path, str(one.get("id", ""))), changed)


def _key(value: Any) -> str:
    """Ids are the same when they read the same: 1 and "1"."""
    return str(value)


def said(value: Any) -> Any:
    """The value without what says nothing: null, and objects and arrays of nothing."""
    if isinstance(value, dict):
        kept = {name: said(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, {}, [])}
    if isinstance(value, list):
        return [inner for inner in map(said, value) if inner not in (None, {}, [])]
    return value
