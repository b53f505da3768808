"""How a written area or code is read, and what to say when it cannot be."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

from nexus.core.refusals import Invalid

MAX_TEXT = 80
"""Longer than any path of division names: what is longer is no area."""


class UnknownArea(Invalid):
    """No division has this code or name; `suggestion` is the code that was probably meant."""

    code = "UNKNOWN_AREA"

    @property
    def suggestion(self) -> str | None:
        return _text_or_none(self.details.get("suggestion"))


class AmbiguousArea(UnknownArea):
    """The name fits several divisions; `details.candidates` lists their codes."""

    code = "AMBIGUOUS_AREA"


class UnknownCode(Invalid):
    """The list has no such code in force; `suggestion` is the code that was probably meant."""

    code = "UNKNOWN_CODE"

    @property
    def suggestion(self) -> str | None:
        return _text_or_none(self.details.get("suggestion"))


class AmbiguousCode(UnknownCode):
    """The word fits several codes of the list; `details.candidates` lists them."""

    code = "AMBIGUOUS_CODE"


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


# --- Names of divisions. ---

_SEPARATORS = re.compile(r"[\s/\\|>·•,,、;;:_\-–—]+")
_CODE_SIZES = (2, 4, 6, 9, 12)
_LETTERS = str.maketrans("OQDILZSB", "00011258")
"""What is typed for a digit."""
_OFFICE = re.compile(r"街道办(?:事处)?$")
_PEOPLES = (
    "壮|回|维吾尔|苗|彝|土家|藏|蒙古|布依|侗|瑶|白|哈尼|哈萨克|黎|傣|傈僳|朝鲜|羌|景颇|柯尔克孜|"
    "满|土|畲|仫佬|毛南|各"
)
_SUFFIXES = (
    re.compile(rf"^(.{{2,}}?)(?:(?:{_PEOPLES})族?)+自治[区州县]$"),
    re.compile(r"^(.{2,}?)(?:特别行政区|自治区|自治州|自治县)$"),
    re.compile(r"^(.{2,}?)(?:街道|地区|省|市|区|县|盟|镇|乡)$"),
)


def read_name(text: str) -> str:
    """A name or path as it is compared: one width, no separators, 街道办事处 as 街道."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    return _OFFICE.sub("街道", plain.replace("市辖区", ""))


def short_name(name: str) -> str | None:
    """The name without its kind: 广州市 → 广州, 乳源瑶族自治县 → 乳源; None where none is left."""
    for pattern in _SUFFIXES:
        found = pattern.match(name)
        if found:
            return found[1]
    return None


class Gazetteer:
    """The divisions by code and by every name they go by."""

    def __init__(
        self,
        places: Iterable[tuple[str, str]],
        aliases: Iterable[tuple[str, str]],
    ) -> None:
        """`places`: (code, name); `aliases`: (code or name, code)."""
        self.names = dict(places)
        self.old_codes: dict[str, str] = {}
        self._by_name: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in range(3))
        full, alias_names, short = self._by_name
        for code, name in self.names.items():
            plain = read_name(name)
            full[plain].append(code)
            brief = short_name(plain)
            if brief:
                short[brief].append(code)
        for alias, code in aliases:
            if alias.isdecimal():
                self.old_codes[alias] = code
            else:
                alias_names[read_name(alias)].append(code)

    def resolve(self, text: str, *, within: str | None = None) -> str:
        """The current code that a code, name or path ('A省B市C区') means. UnknownArea otherwise.

        Codes may be padded with zeros to 6, 9 or 12 digits, or be abolished ones. `within` is a
        known code that the answer must lie in.
        """
        plain = read_name(text)
        inside = None if within in (None, "CN") else within
        if plain.upper() == "CN":
            found = ["CN"]
        elif plain.isdecimal():
            found = [code for code in self._by_code(plain) if _under(code, inside)]
        elif len(plain) > MAX_TEXT:
            found = []
        else:
            found = self._named(plain, inside) or self._paths(plain, inside)
        if not found:
            raise self._unknown(text, plain, inside)
        return self._one_of(found, text)

    def describe(self, code: str) -> str:
        """Code and name, as shown in a message."""
        return f"{code} {self.names[code]}"

    def _by_code(self, digits: str) -> list[str]:
        """The division of a code, current or abolished, without the zeros it is padded with."""
        if len(digits) not in _CODE_SIZES:
            return []
        for size in (9, 6, 4, 2):
            head, rest = digits[:size], digits[size:]
            known = head if head in self.names else self.old_codes.get(head)
            if known is not None and not rest.strip("0"):
                return [known]
        return []

    def _named(self, name: str, inside: str | None) -> list[str]:
        """Full names first, then aliases, then names without their kind."""
        for names in self._by_name:
            found = [code for code in names.get(name, ()) if _under(code, inside)]
            if found:
                return list(dict.fromkeys(found))
        return []

    def _walk(self, text: str, inside: str | None) -> Iterator[tuple[str, str]]:
        """Every way to read a leading part as divisions, each in the one before: (code, rest)."""
        for size in range(len(text), 1, -1):
            for code in self._named(text[:size], inside):
                yield code, text[size:]
                if size < len(text):
                    yield from self._walk(text[size:], None if code == "CN" else code)

    def _paths(self, text: str, inside: str | None) -> list[str]:
        return list(dict.fromkeys(code for code, rest in self._walk(text, inside) if not rest))

    def _one_of(self, found: list[str], text: str) -> str:
        """The only one; or the only province or city; or the one that holds all the others."""
        if len(found) == 1:
            return found[0]
        for size in (2, 4):
            wide = [code for code in found if len(code) == size]
            if len(wide) == 1:
                return wide[0]
        widest = min(found, key=len)
        if all(_under(code, widest) for code in found):
            return widest
        told = [self.describe(code) for code in found[:8]]
        raise AmbiguousArea(
            f"'{_shown(text)}' is the name of {len(found)} areas: {', '.join(told)}"
            f"{', …' if len(found) > len(told) else ''}. Give the code, or the path from the city.",
            field="areaCode",
            candidates=found,
        )

    def _unknown(self, text: str, plain: str, inside: str | None) -> UnknownArea:
        where = f" in {self.describe(inside)}" if inside in self.names and inside else ""
        likely = self._likely(plain, inside)
        advice = (
            f"Did you mean {' or '.join(self.describe(code) for code in likely)}?"
            if likely
            else "Use a code or name that the query `areas` lists."
        )
        return UnknownArea(
            f"No area '{_shown(text)}'{where}. {advice}",
            field="areaCode",
            suggestion=likely[0] if likely else None,
        )

    def _likely(self, plain: str, inside: str | None) -> list[str]:
        """Up to three codes that were probably meant, the likeliest first."""
        digits = plain.upper().translate(_LETTERS)
        if digits.isdecimal():
            return self._likely_codes(digits)
        if not plain or len(plain) > MAX_TEXT:
            return []
        elsewhere = self._named(plain, None) or self._paths(plain, None)
        if elsewhere:
            return elsewhere[:3]
        parts = sorted(self._walk(plain, inside), key=lambda part: len(part[1]))
        if parts:
            code, rest = parts[0]
            return self._alike(rest, code) or [code]
        return self._alike(plain, inside)

    def _alike(self, name: str, inside: str | None) -> list[str]:
        """Divisions whose full name looks like this one."""
        known = [other for other, codes in self._by_name[0].items() if _any_under(codes, inside)]
        close = get_close_matches(name, known, n=3, cutoff=0.6)
        return [c for other in close for c in self._by_name[0][other] if _under(c, inside)][:3]

    def _likely_codes(self, digits: str) -> list[str]:
        """Right but for letters, or one slip of the keys away, or the division that holds it."""
        if found := self._by_code(digits):
            return found
        slips = [code for code in _slips(digits) if code in self.names]
        holders = (self._by_code(digits[:size]) for size in (9, 6, 4) if size < len(digits))
        return slips[:3] if slips and len(digits) <= 6 else next(filter(None, holders), [])


def _slips(digits: str) -> Iterator[str]:
    """The codes that two swapped digits or one wrong digit may have been, last digits first."""
    for at in reversed(range(len(digits) - 1)):
        yield digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    for at in reversed(range(len(digits))):
        for other in "0123456789":
            if other != digits[at]:
                yield digits[:at] + other + digits[at + 1 :]


def _under(code: str, inside: str | None) -> bool:
    return inside is None or code.startswith(inside)


def _any_under(codes: list[str], inside: str | None) -> bool:
    return any(_under(code, inside) for code in codes)


# --- Codes of lists. ---


def read_word(text: str) -> str:
    """A code, label or alias as it is compared: one width, no case, no spaces or punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


class CodeList:
    """One list: its codes by every word that means them."""

    def __init__(self, name: str, entries: Iterable[tuple[str, Iterable[str]]]) -> None:
        """`entries`: (code, its labels and aliases, the label to show first)."""
        self.name = name
        self.labels: dict[str, str] = {}
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for code, words in entries:
            known = list(words)
            self.labels[code] = known[0]
            for word in dict.fromkeys(read_word(word) for word in (code, *known)):
                self._by_word[word].append(code)

    def resolve(self, text: str, *, field: str | None = None) -> str:
        """The code that a code, label or alias means. UnknownCode, AmbiguousCode otherwise."""
        plain = text.strip()
        if plain in self.labels:
            return plain
        found = list(dict.fromkeys(self._by_word.get(read_word(plain), ())))
        if len(found) == 1:
            return found[0]
        if not found:
            raise self.unknown(text, field=field)
        told = ", ".join(self.describe(code) for code in found)
        raise AmbiguousCode(
            f"'{_shown(text)}' means several codes of {self.name}: {told}. Give the code.",
            field=field or camel(self.name),
            candidates=found,
        )

    def unknown(self, text: str, *, field: str | None = None) -> UnknownCode:
        """The refusal of a word or code that is not in force, with the likely correction."""
        likely = self._likely(text)
        advice = (
            f"Did you mean {' or '.join(self.describe(code) for code in likely)}?"
            if likely
            else f"Use a code that the query `codeEntries` lists for {self.name}."
        )
        return UnknownCode(
            f"'{_shown(text)}' is no {self.name} code. {advice}",
            field=field or camel(self.name),
            suggestion=likely[0] if likely else None,
        )

    def describe(self, code: str) -> str:
        """Code and label, as shown in a message."""
        return f"{code} {self.labels[code]}"

    def _likely(self, text: str) -> list[str]:
        word = read_word(text)
        if not word or len(word) > MAX_TEXT:
            return []
        close = [word] if word in self._by_word else get_close_matches(word, self._by_word, 3, 0.6)
        return list(dict.fromkeys(code for other in close for code in self._by_word[other]))[:3]


def camel(name: str) -> str:
    """need_category → needCategory: a list's name as the name of an input field."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


# --- Figures of law. ---


@dataclass(frozen=True, slots=True)
class Figure:
    """A parameter's value in force. `version` names the row it came from, to be kept beside it."""

    name: str
    area_code: str
    value: Decimal
    unit: str
    valid_from: date
    valid_to: date | None

    @property
    def version(self) -> str:
        """taper_months@CN/2021-07-26."""
        return f"{self.name}@{self.area_code}/{self.valid_from}"

    @property
    def whole(self) -> int:
        """The value of a figure that counts: months, days."""
        return int(self.value)


def in_force(figures: Iterable[Figure], on: date, area_code: str) -> Figure | None:
    """The latest one in force on the day, of the narrowest area that holds the given one."""
    best: Figure | None = None
    for figure in figures:
        if figure.valid_from > on or (figure.valid_to is not None and figure.valid_to <= on):
            continue
        if figure.area_code != "CN" and not area_code.startswith(figure.area_code):
            continue
        if best is None or _narrow(figure) >= _narrow(best):
            best = figure
    return best


def _narrow(figure: Figure) -> tuple[int, date]:
    width = 0 if figure.area_code == "CN" else len(figure.area_code)
    return width, figure.valid_from
