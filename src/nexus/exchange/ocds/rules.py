"""What does not add up in one release or record. Nothing is put right, nothing is guessed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus.exchange.ocds import merging
from nexus.exchange.ocds.documents import is_link
from nexus.exchange.ocds.model import FindingCode

F = FindingCode
OCID = re.compile(r"ocds-[a-z0-9]{6}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
_NUMBERS = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d\d)(?:\D.*)?")
_DATES = frozenset({"date", "dateMet"})
_LISTED = frozenset({"awards", "contracts", "items", "milestones", "parties", "transactions"})
_REFERENCES = frozenset({"buyer", "procuringEntity", "payer", "payee"})
CODES: dict[str, frozenset[str]] = {
    "tender": frozenset(
        {"planning", "planned", "active", "cancelled", "unsuccessful", "complete", "withdrawn"}
    ),
    "awards": frozenset({"pending", "active", "cancelled", "unsuccessful"}),
    "contracts": frozenset({"pending", "active", "cancelled", "terminated"}),
    "milestones": frozenset({"scheduled", "met", "notMet", "partiallyMet"}),
}
"""Closed lists of `status`, by where it stands."""
METHODS = frozenset({"open", "selective", "limited", "direct"})
TAGS = frozenset(
    {
        *("planning", "planningUpdate", "tender", "tenderAmendment", "tenderUpdate"),
        *("tenderCancellation", "award", "awardUpdate", "awardCancellation", "contract"),
        *("contractUpdate", "contractAmendment", "implementation", "implementationUpdate"),
        *("contractTermination", "compiled"),
    }
)
FAILED = frozenset({"unsuccessful", "cancelled", "withdrawn"})

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A finding. `path` is a JSON pointer; `message` a sentence without what people typed."""

    code: FindingCode
    path: str
    message: str


def pointer(path: Path) -> str:
    """The path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def blank(value: Any) -> bool:
    """Nothing, or only white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def moment(text: Any) -> datetime | None:
    """The moment of a date that needs no guessing: ISO 8601; without a zone it is UTC's."""
    if not isinstance(text, str):
        return None
    whole = text.strip()
    if not (_STAMP.fullmatch(whole) or _LOCAL.fullmatch(whole)):
        return None
    try:
        found = datetime.fromisoformat(whole.upper().replace(" ", "T"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def order_of(text: Any) -> str | None:
    """ "day" or "month": which of the two stands first in 17/12/2014 or 12/17/2014; else None."""
    found = _NUMBERS.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    first, second = int(found[1]), int(found[2])
    if first > 12 >= second > 0:
        return "day"
    return "month" if second > 12 >= first > 0 else None


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every object and array with where it stands."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from walk(inner, (*path, name))
    elif isinstance(value, list):
        yield path, value
        for place, inner in enumerate(value):
            yield from walk(inner, (*path, place))


def of_release(content: dict[str, Any]) -> list[Told]:
    """What a release alone gives away."""
    return [*_head(content), *_inside(content)]


def of_record(content: dict[str, Any]) -> list[Told]:
    """What a record gives away: links, and a compiled release that its releases do not come to."""
    found = [] if not blank(content.get("ocid")) else _ocid_within(content)
    releases = content.get("releases")
    listed = releases if isinstance(releases, list) else []
    embedded = [one for one in listed if isinstance(one, dict) and not is_link(one)]
    if len(embedded) < len(listed):
        told = f"{len(listed) - len(embedded)} releases are named by their address and not here."
        found.append(Told(F.RELEASES_ELSEWHERE, "/releases", told))
    given = content.get("compiledRelease")
    if isinstance(given, dict) and embedded and len(embedded) == len(listed):
        ours, _ = merging.compiled(sorted(embedded, key=lambda one: str(one.get("date"))))
        differs = sorted(_differing(ours, given))
        if differs:
            told = f"Its releases come to something else: {', '.join(differs[:8])}."
            found.append(Told(F.RECORD_DISAGREES, "/compiledRelease", told))
    return found


def _ocid_within(content: dict[str, Any]) -> list[Told]:
    """A record may leave its ocid to what is in it."""
    if ocid_of(content) is not None:
        return []
    return [Told(F.OCID_MISSING, "", "It names no process, so it belongs to none here.")]


def ocid_of(content: dict[str, Any]) -> str | None:
    """The ocid of a release or record; of a record without one, that of what is in it."""
    releases = content.get("releases")
    inside = [content, content.get("compiledRelease"), content.get("versionedRelease")]
    inside.extend(releases if isinstance(releases, list) else [])
    for one in inside:
        if isinstance(one, dict) and isinstance(one.get("ocid"), str) and one["ocid"].strip():
            return str(one["ocid"])
    return None


def _differing(ours: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    ours, given = merging.said(ours), merging.said(given)
    for name in (ours.keys() | given.keys()) - merging.OMITTED:
        if ours.get(name) != given.get(name):
            yield name


def _head(content: dict[str, Any]) -> Iterator[Told]:
    ocid = content.get("ocid")
    if not isinstance(ocid, str) or blank(ocid):
        yield Told(F.OCID_MISSING, "/ocid", "It names no process, so it belongs to none here.")
    elif not OCID.match(ocid):
        yield Told(F.OCID_PREFIX, "/ocid", "The ocid does not begin with a registered prefix.")
    if blank(content.get("id")):
        yield Told(F.ID_MISSING, "/id", "The release has no id.")
    if blank(content.get("date")):
        yield Told(F.DATE_MISSING, "/date", "The release has no date: it counts as the first.")
    tags = content.get("tag")
    if not isinstance(tags, list) or not tags:
        yield Told(F.TAG_MISSING, "/tag", "No tag says what kind of release this is.")
    elif unknown := [tag for tag in tags if tag not in TAGS]:
        yield Told(F.CODE_UNKNOWN, "/tag", f"{len(unknown)} of its tags are not on the list.")
    buyer = content.get("buyer")
    if "buyer" in content and _nameless(buyer):
        yield Told(F.BUYER_BLANK, "/buyer", "The buyer has neither a name nor an id.")


def _nameless(buyer: Any) -> bool:
    return not isinstance(buyer, dict) or (blank(buyer.get("name")) and blank(buyer.get("id")))


def _inside(content: dict[str, Any]) -> Iterator[Told]:
    parties = content.get("parties")
    listed = {
        str(party.get("id"))
        for party in (parties if isinstance(parties, list) else [])
        if isinstance(party, dict)
    }
    for path, value in walk(content):
        if isinstance(value, list):
            yield from _array(path, value)
            continue
        yield from _amounts(path, value)
        yield from _dates(path, value)
        yield from _period(path, value)
        yield from _codes(path, value)
        yield from _identifier(path, value)
        if listed and path and _is_reference(path):
            yield from _unlisted(path, value, listed)


def _array(path: Path, value: list[Any]) -> Iterator[Told]:
    objects = [one for one in value if isinstance(one, dict)]
    ids = [str(one["id"]) for one in objects if not blank(one.get("id"))]
    if len(set(ids)) < len(ids):
        told = f"{len(ids) - len(set(ids))} entries repeat the id of another: they merge into one."
        yield Told(F.ID_REPEATED, pointer(path), told)
    if path and path[-1] in _LISTED and len(ids) < len(objects):
        told = f"{len(objects) - len(ids)} entries have no id: nothing can refer to them."
        yield Told(F.ID_MISSING, pointer(path), told)


def _amounts(path: Path, value: dict[str, Any]) -> Iterator[Told]:
    if "amount" not in value:
        return
    amount, at = value["amount"], pointer((*path, "amount"))
    if isinstance(amount, dict):
        # A budget has its amount as a value; so had a transaction in OCDS 1.0.
        within = path[-1:] == ("budget",) or path[-2:-1] == ("transactions",)
        if not within or "amount" not in amount:
            yield Told(F.AMOUNT_NOT_A_NUMBER, at, "The amount is an object, not a number.")
    elif isinstance(amount, bool) or not isinstance(amount, int | float | None):
        yield Told(F.AMOUNT_NOT_A_NUMBER, at, f"The amount is {_kind(amount)}, not a number.")
    elif amount is not None:
        if amount < 0 and "transactions" not in path:
            yield Told(F.AMOUNT_NEGATIVE, at, "The amount is below zero.")
        if blank(value.get("currency")):
            yield Told(F.AMOUNT_WITHOUT_CURRENCY, at, "The amount is in no currency.")


def _kind(value: Any) -> str:
    names = {str: "text", list: "an array", bool: "true or false", dict: "an object"}
    return names.get(type(value), "something else")


def is_date(name: str) -> bool:
    """Whether the standard has a date under this name."""
    return (
        name in _DATES or (name.startswith("date") and name[4:5].isupper()) or name.endswith("Date")
    )


def _dates(path: Path, value: dict[str, Any]) -> Iterator[Told]:
    for name, text in value.items():
        if not is_date(name) or blank(text) or isinstance(text, dict | list):
            continue
        at = pointer((*path, name))
        if moment(text) is None:
            order = order_of(text)
            told = f" It has the {order} first." if order else ""
            yield Told(F.DATE_UNREADABLE, at, f"This is no date as 2014-12-17T00:00:00Z.{told}")
        elif not _STAMP.fullmatch(str(text).strip()):
            yield Told(
                F.DATE_WITHOUT_TIME, at, "The date has no time or no zone: it counts as UTC."
            )


def _period(path: Path, value: dict[str, Any]) -> Iterator[Told]:
    start, end = moment(value.get("startDate")), moment(value.get("endDate"))
    if start and end and start > end:
        yield Told(F.PERIOD_REVERSED, pointer(path), "The period ends before it starts.")


def _codes(path: Path, value: dict[str, Any]) -> Iterator[Told]:
    names = [part for part in path if isinstance(part, str)]
    known = CODES.get(names[-1]) if names else None
    status, method = value.get("status"), value.get("procurementMethod")
    if known is not None and not blank(status) and status not in known:
        told = "This status is not on the list of the standard."
        yield Told(F.CODE_UNKNOWN, pointer((*path, "status")), told)
    if names[-1:] == ["tender"] and not blank(method) and method not in METHODS:
        told = "This method is not on the list of the standard."
        yield Told(F.CODE_UNKNOWN, pointer((*path, "procurementMethod")), told)


def _identifier(path: Path, value: dict[str, Any]) -> Iterator[Told]:
    if path[-1:] == ("identifier",) and blank(value.get("id")) and blank(value.get("legalName")):
        yield Told(F.IDENTIFIER_BLANK, pointer(path), "The identifier says nothing.")


def _is_reference(path: Path) -> bool:
    return path[-1] in _REFERENCES or path[-2:-1] in (("suppliers",), ("tenderers",))


def _unlisted(path: Path, value: dict[str, Any], listed: set[str]) -> Iterator[Told]:
    if not blank(value.get("id")) and str(value["id"]) not in listed:
        told = "The organization is not among the parties of the release."
        yield Told(F.PARTY_UNLISTED, pointer(path), told)
