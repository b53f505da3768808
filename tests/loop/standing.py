"""Consents, names and recognitions: what people said and what authorities decided."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from tests.loop.steps import Row, Rows, Step, months_on


def check_consents(step: Step) -> None:
    """INV-14 and INV-13: who is under 14 has a guardian speak; two classes nobody may give."""
    people = step.rows("recipient")
    for _, row in step.changed("consent"):
        born = people[row["recipient_id"]]["birth_year"]
        if born is None or step.today.year - born <= 14:
            assert row["given_by"] == "guardian", "INV-14 a child consented"
        assert not {"D7", "D8"} & set(row["data_classes"]), "INV-13 never shared"
    for _, row in step.changed("referral"):
        assert not {"D7", "D8"} & set(row["data_classes"]), "INV-13 never shared"


def check_aliases(step: Step) -> None:
    """INV-15: no two names alike, and none that holds a person's number."""
    names = [row["alias"] for row in step.rows("recipient_alias").values()]
    assert len(set(names)) == len(names), "INV-15 one name twice"
    for row in step.rows("recipient_alias").values():
        person = step.rows("recipient")[row["recipient_id"]]
        for secret in (person["id"], person["household_id"], row["organization_id"]):
            assert secret[:8] not in row["alias"].lower(), "INV-15 a name tells whose it is"


def _period(row: Row) -> tuple[date, date]:
    end = row["valid_to"]
    return date.fromisoformat(row["valid_from"]), date.fromisoformat(end) if end else date.max


def check_recognitions(step: Step) -> None:
    """INV-34 to INV-36: periods, clocks and tapers."""
    people = step.rows("recipient")
    standing = [r for r in step.rows("recognition").values() if r["state"] != "entered_in_error"]
    for one, other in combinations(standing, 2):
        (a, b), (c, d) = _period(one), _period(other)
        if a < d and c < b:
            _beside(one, other, people)
    for earlier, row in step.changed("recognition"):
        _clocks(step, earlier, row)


def _beside(one: Row, other: Row, people: Rows) -> None:
    """Two that overlap in time: not one category twice, and never dibao beside tekun."""
    heads = {row["category"].partition("-")[0] for row in (one, other)}
    subjects = [row["household_id"] or row["recipient_id"] for row in (one, other)]
    if subjects[0] == subjects[1]:
        both = heads <= {"DB", "TK"} or one["category"] == other["category"]
        assert not both, f"INV-34 {one['category']} and {other['category']} of one subject at once"
    elif heads == {"DB", "TK"}:
        homes = [
            row["household_id"] or people[row["recipient_id"]]["household_id"]
            for row in (one, other)
        ]
        persons = [row["recipient_id"] for row in (one, other)]
        if homes[0] == homes[1]:
            assert None not in persons, "INV-34 dibao of a household and tekun of its member"


def _clocks(step: Step, earlier: Row | None, row: Row) -> None:
    if row["recheck_class"] is not None:
        months = {"stable": 12, "changeable": 6}[row["recheck_class"]]
        due = months_on(date.fromisoformat(row["checked_on"]), months)
        assert row["recheck_due_on"] == due.isoformat(), "INV-35 the next check"
    else:
        assert row["recheck_due_on"] is None, "INV-35 a check without a class"
    ratio = row["income_ratio"]
    above = row["category"].startswith("BY") and ratio is not None and ratio > Decimal("1.5")
    assert above == ("INV-36" in row["flags"]), "INV-36 the margin's warning"
    if row["tapered_on"] is None:
        return
    last = months_on(date.fromisoformat(row["tapered_on"]), 6)
    death = row["end_reason"] == "DEATH" or row["state"] == "entered_in_error"
    if not death:
        over = (last + timedelta(days=1)).isoformat()
        assert row["valid_to"] == over, "INV-35 a taper of other than six months"
    if earlier and (earlier["state"], row["state"]) == ("taper", "ended") and not death:
        assert step.today > last, "INV-35 a taper ended early"
    if earlier and earlier["tapered_on"] is not None:
        assert earlier["tapered_on"] == row["tapered_on"], "INV-35 a second taper of one ending"
