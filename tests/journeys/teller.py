"""Tells a story: each account calls mutations by name and reads what it may."""

import json
from typing import Any

from nexus.core.ids import new_id
from nexus.graph.declare import MUTATIONS, TYPES


class Teller:
    """One account at the door. `do("publishNeed", …)` gives the row back, or fails the test."""

    def __init__(self, api: Any, account: Any) -> None:
        self.ask = api(account)

    async def try_(self, mutation: str, selection: str = "", **given: Any) -> dict[str, Any]:
        """The payload, whether row or Refusal."""
        given.setdefault("idempotencyKey", str(new_id()))
        spec = MUTATIONS[mutation]
        version = "version" if "version" in TYPES[spec.returns].fields else ""
        document = (
            f"mutation($input: {spec.input_type.__name__}!) {{ {mutation}(input: $input) {{ "
            f"__typename ... on Refusal {{ code message field details }} "
            f"... on {spec.returns} {{ id {version} {selection} }} }} }}"
        )
        answer = await self.ask(document, input=given)
        assert "errors" not in answer, json.dumps(answer, ensure_ascii=False)
        found: dict[str, Any] = answer["data"][mutation]
        return found

    async def do(self, mutation: str, selection: str = "", **given: Any) -> dict[str, Any]:
        """The row the mutation returned."""
        found = await self.try_(mutation, selection, **given)
        assert found["__typename"] != "Refusal", f"{mutation}: {found['message']}"
        return found

    async def move(self, mutation: str, row: dict[str, Any], **given: Any) -> dict[str, Any]:
        """A transition of the row, at the version it was last seen in."""
        return await self.do(mutation, id=row["id"], expectedVersion=row["version"], **given)

    async def see(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a query."""
        answer = await self.ask(document, **variables)
        assert "errors" not in answer, json.dumps(answer, ensure_ascii=False)
        data: dict[str, Any] = answer["data"]
        return data
