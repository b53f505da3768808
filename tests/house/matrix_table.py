"""The reviewed table: written so that a person can read it and a diff shows what changed.

One line a coordinate and group of roles with equal cells; `others` is the largest group. A field
that is read wherever its row is seen says `as` and the type; a type without rows of its own says
`as` and the coordinates that lead to it.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from nexus.acting import Role
from nexus.graph.declare import MUTATIONS, TYPES
from tests.house.matrix_cells import Cells, Computed
from tests.house.matrix_world import RELATIONS, kind_of

FILE = Path(__file__).with_name("matrix.csv")
ENDED = "revoked"
"""The column of those whose token, account or organization has ended."""
HEAD = ("coordinate", "roles", *RELATIONS, ENDED)
ROLES = "(roles)"
"""The first line: every role there is, so that a new one cannot hide among the others."""
BELONGS = {
    "NeedLine": "Need",
    "Tranche": "Need",
    "Qualification": "Organization",
    "Recipient": "Household",
    "Recognition": "Household",
    "RecognitionEvent": "Household",
    "AttestationEvent": "Household",
    "Consent": "Household",
    "Allocation": "Pledge",
    "AllocationMove": "Pledge",
    "WebhookDelivery": "WebhookEndpoint",
    "ExchangeMessage": "ExchangePartner",
    "ClientKey": "ApiClient",
    "ClientDocument": "ApiClient",
}
"""Types that are seen as another one is, so that the table says so instead of repeating it."""
BLANK = ("",) * (len(RELATIONS) + 1)

Line = tuple[str, ...]
Table = dict[str, list[Line]]
"""Lines by coordinate, in order."""


def tabulate(computed: Computed, ended: Mapping[Role, str]) -> Table:
    """The table of what was computed; `ended` is the same for every coordinate."""
    table: Table = {ROLES: [(ROLES, " ".join(Role), *BLANK)]}
    for coordinate, cells in computed.items():
        of = _same_as(coordinate, cells, computed)
        table[coordinate] = (
            [(coordinate, f"as {of}", *BLANK)] if of else _lines(coordinate, cells, ended)
        )
    for name, spec in TYPES.items():
        if spec.table is None and name != "Query":
            table[name] = [(name, f"as {' '.join(_ways_to(name))}", *BLANK)]
    return dict(sorted(table.items()))


def _same_as(coordinate: str, cells: dict[Role, Cells], computed: Computed) -> str | None:
    """The coordinate whose cells this one repeats: its type, or the variant it belongs to."""
    owner, _, name = coordinate.partition(".")
    target = TYPES["Query"].targets.get(name, "") if owner == "Query" else owner
    if not name:
        target = coordinate.replace(kind_of(coordinate), BELONGS.get(kind_of(coordinate), ""))
    return target if computed.get(target) == cells and target != coordinate else None


def _ways_to(name: str) -> list[str]:
    fields = [
        f"{owner}.{field}"
        for owner, spec in TYPES.items()
        for field, target in spec.targets.items()
        if target == name
    ]
    return sorted(
        [*fields, *(f"Mutation.{one.name}" for one in MUTATIONS.values() if one.returns == name)]
    )


def _lines(coordinate: str, cells: dict[Role, Cells], ended: Mapping[Role, str]) -> list[Line]:
    groups: dict[Cells, list[Role]] = defaultdict(list)
    for role in Role:
        groups[(*cells[role], ended[role])].append(role)
    most = max(groups, key=lambda group: len(groups[group]))
    named = [(coordinate, " ".join(groups[group]), *group) for group in groups if group != most]
    return [*named, (coordinate, "others", *most)]


def read_table() -> Table:
    """The reviewed table of the repository."""
    table: Table = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        lines = iter(csv.reader(file))
        assert tuple(next(lines)) == HEAD
        for line in lines:
            table.setdefault(line[0], []).append(tuple(line))
    return table


def write_table(table: Table) -> None:
    """Make it the reviewed one; `git diff` is the review."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for lines in table.values():
            writer.writerows(lines)


def differences(reviewed: Table, found: Table) -> list[str]:
    """What a reviewer must look at: `-` was agreed, `+` is what the code does now."""
    told = []
    for coordinate in sorted(reviewed.keys() | found.keys()):
        before, after = reviewed.get(coordinate, []), found.get(coordinate, [])
        told += [f"- {','.join(line)}" for line in before if line not in after]
        told += [f"+ {','.join(line)}" for line in after if line not in before]
    return told


class Reviewed:
    """The table's cells by coordinate, role and relation."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def cells(self, coordinate: str, role: Role) -> Cells:
        """The cells of one role."""
        assert coordinate in self.table, f"{FILE.name} has no line for {coordinate}"
        others: Cells | None = None
        for line in self.table[coordinate]:
            roles = line[1]
            if roles.startswith("as "):
                return self.cells(roles.split()[1], role)
            if roles == "others":
                others = line[2 : len(RELATIONS) + 2]
            elif role in roles.split():
                return line[2 : len(RELATIONS) + 2]
        assert others is not None
        return others

    def cell(self, coordinate: str, role: Role, relation: str) -> str:
        """One cell."""
        return self.cells(coordinate, role)[RELATIONS.index(relation)]

    def roles_with(self, coordinate: str, cell: str) -> Iterable[tuple[Role, str]]:
        """Who has this cell, and in which relation."""
        for role in Role:
            for relation, found in zip(RELATIONS, self.cells(coordinate, role), strict=True):
                if found == cell:
                    yield role, relation
