"""The query page works without any other host, and what it asks for is in the schema."""

import json
import re
from importlib import resources

from graphql import parse, validate

from nexus.graph.building import core_schema
from nexus.schema import make_schema

PAGE = resources.files("nexus.graph").joinpath("graphiql.html").read_text("utf-8")


def test_no_other_host_is_needed() -> None:
    assert not re.search(r"https?://|//[a-z0-9-]+\.|@import|<link|<img| src=", PAGE)


def test_its_examples_are_valid() -> None:
    schema = core_schema(make_schema())
    examples = re.search(r"const EXAMPLES = (\{.*?\n\});", PAGE, re.DOTALL)
    assert examples
    for document, variables in json.loads(examples[1]).values():
        assert validate(schema, parse(document)) == []
        assert not variables or json.loads(variables)


def test_what_it_asks_of_the_schema_is_allowed() -> None:
    description = re.search(r"const DESCRIPTION = `(.*?)`", PAGE, re.DOTALL)
    assert description
    assert validate(core_schema(make_schema()), parse(description[1])) == []
