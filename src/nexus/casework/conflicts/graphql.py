"""Edits of fields in the graph."""

from datetime import datetime

from sqlalchemy import Text

from nexus.casework.assessments.graphql import Assessment
from nexus.casework.cases.graphql import Case
from nexus.casework.conflicts import operations, policy, queries
from nexus.casework.editing import model
from nexus.casework.visits.graphql import Visit
from nexus.graph.declare import (
    JSON,
    Connection,
    Node,
    any_of,
    collection,
    computed,
    extend,
    node,
    node_of,
    query,
    register_enums,
    result,
    to_many,
    transition,
)
from nexus.graph.filters import FilterField
from nexus.graph.specs import Filter, Order

register_enums(model.EditState)


@node(
    model.FieldEdit,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "adopt_edit": ("adopt", policy.may_adopt),
        "set_edit_aside": ("set_aside", policy.may_settle),
    },
)
class FieldEdit:
    """A value that was entered into a field. A conflicting one waits beside the one that stands."""

    subject: Node | None = node_of(
        ("Case", "Visit", "Assessment"), "subject_type", "subject_id", about="The edited row."
    )
    field: str
    before: JSON | None
    after: JSON | None
    base_version: int
    row_version: int
    state: model.EditState
    version: int
    made_at: datetime
    created_at: datetime
    settled_at: datetime | None


class Edited:
    edits: Connection[FieldEdit] = to_many(
        model.FieldEdit.subject_id,
        order=Order(("created_at",), descending=True),
        about="What was entered, the latest first.",
    )
    conflicts: int = computed(queries.conflicts, about="How many late values wait to be settled.")


for subject in (Case, Visit, Assessment):
    extend(subject)(Edited)


@query
class EditQuery:
    field_edits: Connection[FieldEdit] = collection(
        "FieldEdit",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.FieldEdit.state),
            "field": FilterField(str, Filter(lambda row, name: row.field == name, Text())),
        },
        about="What was entered into the cases, visits and assessments of your station.",
    )


FieldEditResult = result("FieldEdit", FieldEdit)
transition(
    "adopt_edit", FieldEditResult, operations.adopt_edit, "The late value stands from now on."
)
transition(
    "set_edit_aside",
    FieldEditResult,
    operations.set_edit_aside,
    "The standing value is right; the late one stays in the history.",
)
