"""SQL as text: what is the same in every statement is made and written once.

A policy's predicate depends on the role and on the name of the row it judges, the select of a
found row on the role and on which arguments are given; neither on where it stands. To make and
write them costs most of a compilation, so their text is kept, with marks for the parameters.
"""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Select,
    TextClause,
    bindparam,
    column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import TextualSelect
from sqlalchemy.sql.visitors import iterate

from nexus.core.prepared import DIALECT

_MARK = re.compile("\x02(.+?)\x03")


class _Marking(DIALECT.statement_compiler):  # type: ignore[misc]
    """Writes a mark for a parameter, and notes it in `marked`."""

    def visit_bindparam(self, bindparam: Any, *args: Any, **options: Any) -> str:
        if bindparam.unique:
            written: str = super().visit_bindparam(bindparam, *args, **options)
            return written
        self.__dict__.setdefault("marked", {})[bindparam.key] = bindparam
        return f"\x02{bindparam.key}\x03"


_DIALECT: Any = type(DIALECT)()
_DIALECT.statement_compiler = _Marking


class Kept(ColumnElement[Any]):
    """An expression as text."""

    inherit_cache = False

    def __init__(self, sql: str, kind: Any, parameters: Mapping[str, Any], parts: int) -> None:
        self.sql, self.type, self.parameters, self.parts = sql, kind, parameters, parts


@compiles(Kept)
def _kept(element: Kept, compiler: Any, **options: Any) -> str:
    def parameter(found: re.Match[str]) -> str:
        return str(compiler.process(element.parameters[found.group(1)]))

    return _MARK.sub(parameter, element.sql)


class _Caught(ColumnElement[Any]):
    """Notes in `written` how its inside was written."""

    inherit_cache = False

    def __init__(self, inside: ColumnElement[Any]) -> None:
        self.inside, self.type = inside, inside.type
        self.written: list[str] = []


@compiles(_Caught)
def _caught(element: _Caught, compiler: Any, **options: Any) -> str:
    options["within_columns_clause"] = False
    element.written.append(compiler.process(element.inside, **options))
    return element.written[-1]


def keep(made: ColumnElement[Any], row: Any, parts: int) -> Kept:
    """The expression over a named row as text. Whatever else it reads it has to bring."""
    caught, options = _Caught(made), {"render_postcompile": True}
    around = select(caught).select_from(row)
    compiled: Any = around.compile(dialect=_DIALECT, compile_kwargs=options)
    (written,) = caught.written
    return Kept(f"({written})", made.type, dict(getattr(compiled, "marked", {})), parts)


class Frozen:
    """A select that reads nothing around it, as text."""

    def __init__(self, made: Select[Any]) -> None:
        options = {"render_postcompile": True}
        compiled: Any = made.compile(dialect=_DIALECT, compile_kwargs=options)
        self.sql = re.sub(r":(?=\w)", r"\\:", str(compiled))
        self.parameters: dict[str, Any] = dict(getattr(compiled, "marked", {}))
        self.columns = {str(one.key): one.type for one in made.selected_columns}

    def filled(self, values: Mapping[str, Any]) -> TextualSelect:
        """The select, with these parameters where those of `marked` stood."""
        bound = {name: values.get(name, known) for name, known in self.parameters.items()}
        sql = _MARK.sub(lambda found: f":{bound[found.group(1)].key}", self.sql)
        columns = [column(name, kind) for name, kind in self.columns.items()]
        return text(sql).bindparams(*bound.values()).columns(*columns)


def names_read(table: str, made: ColumnElement[Any]) -> set[str]:
    """The columns of a table of this name that an expression reads, in its kept texts too."""
    named = re.compile(rf"\b{table}\.\"?(\w+)")
    names: set[str] = set()
    for part in iterate(made):
        if isinstance(part, Kept):
            names.update(named.findall(part.sql))
        elif isinstance(part, TextClause):
            names.update(named.findall(part.text))
        elif isinstance(part, ColumnClause):
            if part.is_literal:
                names.update(named.findall(part.name))
            elif part.table is not None and getattr(part.table, "name", None) == table:
                names.add(part.name)
    return names


def marked(name: str, kind: Any) -> Any:
    """A parameter to make a select with, in place of an argument that is not known yet."""
    return bindparam(name, None, type_=kind)
