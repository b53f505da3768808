"""What does not add up between the releases of one process, and what they come to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.exchange.ocds import merging, rules
from nexus.exchange.ocds.model import FindingCode
from nexus.exchange.ocds.rules import Told, blank, moment

F = FindingCode
MAX_AMOUNT = Decimal(10) ** 15
_FIRST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the process, as it is kept."""

    document_id: UUID
    digest: str
    content: dict[str, Any]

    @property
    def order(self) -> tuple[datetime, str, str]:
        """By date; where these are equal or missing, always the same way."""
        at = moment(self.content.get("date"))
        return (at or _FIRST, str(self.content.get("id")), self.digest)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is shown of a process in a list."""

    title: str | None
    buyer_name: str | None
    tender_status: str | None
    amount: Decimal | None
    currency: str | None


def merged(releases: Iterable[Release]) -> tuple[dict[str, Any], list[Told]]:
    """(the compiled release, what is wrong between the releases)."""
    ordered = sorted(releases, key=lambda one: one.order)
    compiled, changed = merging.compiled(one.content for one in ordered)
    found = [
        *_repeated_ids(ordered),
        *_same_moment(ordered),
        *_buyers(ordered, compiled),
        *_currencies(ordered),
        *_date_orders(ordered),
        *_contracts(compiled),
    ]
    for path in sorted(set(changed)):
        told = "A later release has another type of value here than an earlier one."
        found.append(Told(F.TYPE_CHANGED, rules.pointer(path), told))
    return compiled, found


def _repeated_ids(releases: Sequence[Release]) -> Iterator[Told]:
    ids = [str(one.content["id"]) for one in releases if not blank(one.content.get("id"))]
    repeated = len(ids) - len(set(ids))
    if repeated:
        told = (
            f"{repeated + 1} releases with different content share an id: all are kept, and "
            "merged in the order of their dates."
            if len(set(ids)) == 1
            else f"{repeated} releases repeat the id of another with different content: all are "
            "kept, and merged in the order of their dates."
        )
        yield Told(F.RELEASE_ID_REPEATED, "/id", told)


def _same_moment(releases: Sequence[Release]) -> Iterator[Told]:
    seen: dict[datetime, str] = {}
    for one in releases:
        at = moment(one.content.get("date"))
        other = seen.setdefault(at, str(one.content.get("id"))) if at else None
        if other is not None and other != str(one.content.get("id")):
            told = "Two releases have the same date: which is the later one is not known."
            yield Told(F.SAME_MOMENT, "/date", told)
            return


def _buyers(releases: Sequence[Release], compiled: dict[str, Any]) -> Iterator[Told]:
    named = [
        buyer
        for one in releases
        if isinstance(buyer := one.content.get("buyer"), dict)
        and not (blank(buyer.get("name")) and blank(buyer.get("id")))
    ]
    if not named and "buyer" not in compiled:
        yield Told(F.BUYER_BLANK, "/buyer", "No release says who buys.")
    names = {_spelling(buyer["name"]) for buyer in named if not blank(buyer.get("name"))}
    ids = {str(buyer["id"]) for buyer in named if not blank(buyer.get("id"))}
    if len(names) > 1:
        told = f"{len(names)} different buyers are named: none of them is taken for the right one."
        yield Told(F.TWO_BUYERS, "/buyer", told)
    elif len(ids) > 1:
        told = f"The buyer has {len(ids)} different ids under one name."
        yield Told(F.BUYER_ID_CHANGED, "/buyer/id", told)


def _spelling(name: Any) -> str:
    return " ".join(str(name).casefold().split())


def _currencies(releases: Sequence[Release]) -> Iterator[Told]:
    found = {
        str(value["currency"]).strip()
        for one in releases
        for _, value in rules.walk(one.content)
        if isinstance(value, dict)
        and not blank(value.get("currency"))
        and value.get("amount") is not None
    }
    if len(found) > 1:
        told = f"Amounts are in {len(found)} currencies: they are not added up."
        yield Told(F.TWO_CURRENCIES, "", told)


def _date_orders(releases: Sequence[Release]) -> Iterator[Told]:
    orders = {
        order
        for one in releases
        for _, value in rules.walk(one.content)
        if isinstance(value, dict)
        for name, text in value.items()
        if rules.is_date(name) and (order := rules.order_of(text))
    }
    if len(orders) > 1:
        told = "Some dates have the day first and some the month: none of them is read."
        yield Told(F.DATES_IN_TWO_ORDERS, "", told)


def _contracts(compiled: dict[str, Any]) -> Iterator[Told]:
    awards = {str(one["id"]) for one in _objects(compiled.get("awards")) if "id" in one}
    tender = compiled.get("tender")
    failed = isinstance(tender, dict) and tender.get("status") in rules.FAILED
    for place, one in enumerate(_objects(compiled.get("contracts"))):
        at = rules.pointer(("contracts", place))
        if blank(one.get("awardID")) or str(one["awardID"]) not in awards:
            told = "The contract names no award, or one that is not there."
            yield Told(F.CONTRACT_WITHOUT_AWARD, at, told)
        if failed and one.get("status") in ("active", "pending"):
            told = "The contract stands, and the tender is said to have come to nothing."
            yield Told(F.CONTRACT_AFTER_FAILURE, at, told)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def summary(compiled: dict[str, Any]) -> Summary:
    """Title, buyer, state and value, where they are what they should be."""
    tender = compiled.get("tender")
    tender = tender if isinstance(tender, dict) else {}
    buyer = compiled.get("buyer")
    name = buyer.get("name") if isinstance(buyer, dict) else None
    contracts, awards = _objects(compiled.get("contracts")), _objects(compiled.get("awards"))
    amount, currency = _total(contracts) or _total(awards) or _total([tender]) or (None, None)
    titles = [tender.get("title"), *(one.get("title") for one in [*contracts, *awards])]
    return Summary(
        next((text for title in titles if (text := _text(title))), None),
        _text(name),
        _text(tender.get("status")),
        amount,
        currency,
    )


def _total(values: Sequence[dict[str, Any]]) -> tuple[Decimal, str] | None:
    """The sum in the one currency that all have; None where one has no amount."""
    amounts: list[Decimal] = []
    currencies: set[str | None] = set()
    for one in values:
        value = one.get("value")
        if not isinstance(value, dict):
            return None
        amount = value.get("amount")
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            return None
        currencies.add(_text(value.get("currency")))
        amounts.append(Decimal(str(amount)))
    total = sum(amounts, Decimal(0))
    if len(currencies) != 1 or abs(total) >= MAX_AMOUNT:
        return None
    currency = currencies.pop()
    return (total.quantize(Decimal("0.0001")), currency) if currency else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or blank(value):
        return None
    return " ".join(value.split())
