"""Two phones, one record: whatever each changes, in any order, no value vanishes."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.casework.editing.model import EditState, FieldEdit
from nexus.casework.visits.model import Visit, VisitKind
from nexus.graph.identifiers import encode
from tests.deeds import reread
from tests.web.conftest import Phone, Service, make_phone
from tests.web.world import WORKER, World, made_visit

KINDS = (VisitKind.PHONE, VisitKind.VIDEO, VisitKind.OFFICE)


@dataclass
class Story:
    """What was entered on the phones, and the dice."""

    dice: random.Random
    said: list[tuple[str, object]] = field(default_factory=list)

    def correction(self) -> dict[str, object]:
        """One to three fields, each with a value of its own."""
        values = {
            "minutes": self.dice.randint(2, 1400),
            "summary": f"示范小结 {self.dice.randrange(10**9)}",
            "kind": self.dice.choice(KINDS).name,
        }
        chosen = self.dice.sample(sorted(values), self.dice.randint(1, 3))
        return {name: values[name] for name in chosen}


@asynccontextmanager
async def _phones(browser: Browser, service: Service, visit: Visit) -> AsyncIterator[list[Phone]]:
    """Two, signed in, each with the record on the screen."""
    made = [await make_phone(browser, service) for _ in range(2)]
    for phone in made:
        await phone.sign_in(WORKER)
        await phone.controlled()
        await phone.go(f"/visits/{encode('Visit', visit.id)}")
    yield made
    for phone in made:
        await phone.context.close()
    assert [trouble for phone in made for trouble in phone.troubles] == []


async def _correct(phone: Phone, story: Story) -> None:
    """Some fields, by the form; the phone knows what it knew."""
    changes = story.correction()
    page = phone.page
    await page.get_by_role("button", name="更正", exact=True).click()
    for name, value in changes.items():
        if name == "kind":
            shown = await page.input_value("dialog #kind")
            if shown == value:
                continue
            await page.select_option("dialog #kind", str(value))
        else:
            await page.fill(f"dialog #{name}", str(value))
        story.said.append((name, value))
    await page.click("dialog button.main")
    await expect(page.locator("dialog[open]")).to_have_count(0)


async def _settled(phone: Phone) -> None:
    """All is sent, and what came back is shown."""
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传", timeout=20_000)


async def _edits(world: World, visit: Visit) -> list[FieldEdit]:
    async with AsyncSession(world.engine) as session:
        found = select(FieldEdit).where(FieldEdit.subject_id == visit.id)
        return list(await session.scalars(found))


def _plain(name: str, value: object) -> object:
    return str(value).lower() if name == "kind" else value


async def test_no_value_vanishes_whatever_two_phones_do(
    world: World, browser: Browser, service: Service, torture: bool
) -> None:
    seed = secrets.randbelow(10**6)
    story = Story(random.Random(seed))
    visit = await made_visit(world)
    async with _phones(browser, service, visit) as phones:
        for _ in range(12 if torture else 3):
            parted = [phone for phone in phones if story.dice.random() < 0.8]
            for phone in parted:
                await phone.context.set_offline(True)
            for phone in story.dice.sample(phones, 2):
                for _ in range(story.dice.randint(0, 2)):
                    await _correct(phone, story)
            for phone in story.dice.sample(parted, len(parted)):
                await phone.context.set_offline(False)
            for phone in phones:
                await _settled(phone)
        edits = await _edits(world, visit)
        known = {(edit.field, edit.after) for edit in edits}
        lost = [(n, v) for n, v in story.said if (n, _plain(n, v)) not in known]
        assert lost == [], f"seed {seed}"
        await _all_doubles_are_shown(phones, edits, seed)
    row = await reread(world.engine, visit)
    standing = {"minutes": row.minutes, "summary": row.summary, "kind": row.kind.value}
    for name, value in standing.items():
        entered = {_plain(n, v) for n, v in story.said if n == name}
        assert not entered or value in entered, f"seed {seed}: {name}"


async def _all_doubles_are_shown(phones: list[Phone], edits: list[FieldEdit], seed: int) -> None:
    """Each value that waits for a decision is on both phones, beside the one that stands."""
    waiting = [edit for edit in edits if edit.state is EditState.CONFLICTING]
    for phone in phones:
        await phone.page.click("header button[aria-label='刷新']")
        await phone.go("/outbox")
        if waiting:
            title = f"同一项填了两个值 {len(waiting)} 处"
            await expect(phone.page.get_by_text(title), f"seed {seed}").to_be_visible()
        for edit in waiting:
            if edit.field != "kind":
                shown = phone.page.locator(".sides", has_text=str(edit.after))
                await expect(shown.first, f"seed {seed}").to_be_visible()


@pytest.mark.parametrize("same", [True, False])
async def test_another_field_merges_and_the_same_field_shows_both(
    world: World, browser: Browser, service: Service, same: bool
) -> None:
    visit = await made_visit(world)
    async with _phones(browser, service, visit) as (first, second):
        for phone, name, value in (
            (first, "#minutes", "41"),
            (second, "#minutes" if same else "#summary", "52"),
        ):
            await phone.context.set_offline(True)
            await phone.page.get_by_role("button", name="更正", exact=True).click()
            await phone.page.fill(f"dialog {name}", value)
            await phone.page.click("dialog button.main")
        for phone in (first, second):
            await phone.context.set_offline(False)
            await _settled(phone)
    row = await reread(world.engine, visit)
    waiting = [e for e in await _edits(world, visit) if e.state is EditState.CONFLICTING]
    assert row.minutes == 41
    assert [(e.field, e.before, e.after) for e in waiting] == (
        [("minutes", 41, 52)] if same else []
    )
    assert row.summary == ("示范小结" if same else "52")
