"""Words in the three languages that reports speak."""

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    ZH_HANS = "zh-CN"
    ZH_HANT = "zh-Hant"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """The same thing said in each language."""

    zh_hans: str
    zh_hant: str
    en: str

    def said(self, language: Language) -> str:
        """In one of them."""
        match language:
            case Language.ZH_HANS:
                return self.zh_hans
            case Language.ZH_HANT:
                return self.zh_hant
        return self.en

    def filled(self, **values: object) -> "Words":
        """With each `{name}` replaced; a value that is Words is said in the same language."""
        return Words(*(_fill(self.said(one), one, values) for one in Language))


def _fill(template: str, language: Language, values: dict[str, object]) -> str:
    told = {
        name: value.said(language) if isinstance(value, Words) else value
        for name, value in values.items()
    }
    return template.format(**told)


def same(text: str) -> Words:
    """What is written alike in every language: a number, a name."""
    return Words(text, text, text)
