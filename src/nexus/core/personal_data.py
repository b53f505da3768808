"""Finds personal data in free text, so that a public text cannot carry it (INV-13).

It answers with the kind and the place, never with the value: a message built from a finding
cannot leak what was found. It prefers a false alarm to a leak where the two are hard to tell
apart, and it is one check of two: a person still has to release the text.

Every pattern has bounded repeats, so the time grows with the length of the text and no further.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from stdnum import luhn
from stdnum.cn import ric, uscc

from nexus.core.addresses import addresses


class PersonalDataKind(StrEnum):
    ID_NUMBER = "id_number"
    PHONE = "phone"
    BANK_CARD = "bank_card"
    ADDRESS = "address"
    EMAIL = "email"
    MESSENGER = "messenger"
    """WeChat or QQ."""
    HKMO_DOCUMENT = "hkmo_document"
    """Identity cards of Hong Kong and Macao, and travel permits of their residents."""
    PASSPORT = "passport"


_K = PersonalDataKind


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` (exclusive) of the text are personal data of this kind."""

    kind: PersonalDataKind
    start: int
    end: int


def find_personal_data(text: str) -> list[Finding]:
    """What in the text tells who or where a person is, in order, without overlaps.

    A road with a house number is an address; the mere name of a district, town or village is
    not. Service numbers that are nobody's (400…, 12345) and public accounts are not reported.
    """
    if not text:
        return []
    folded = text.translate(_FOLD)
    plain = _STANDARD.sub(lambda found: "~" * len(found[0]), folded)
    digits = plain.translate(_NUMERALS)
    found = [*_in_digit_runs(plain, digits), *_documents(plain), *_contacts(plain, digits)]
    found += (Finding(_K.ADDRESS, m.start(), m.end()) for m in addresses(plain))
    return _without_overlaps(found)


FEWEST_DIGITS = 10
"""Of a landline with its area code; the others have eleven and more."""


def find_numbers(text: str) -> list[Finding]:
    """Only identity numbers, phones and bank cards: for the keys of rows, of which there are many.

    As `find_personal_data` finds them. None of them has fewer than ten digits, save a foreign phone
    behind its plus.
    """
    if text.isascii() and "+" not in text and sum(map(str.isdigit, text)) < FEWEST_DIGITS:
        return []
    folded = text.translate(_FOLD)
    plain = _STANDARD.sub(lambda found: "~" * len(found[0]), folded)
    return list(_in_digit_runs(plain, plain.translate(_NUMERALS)))


# --- Folding: every rule maps one character to one, so positions stay those of the text. ---

_TRADITIONAL = str.maketrans("號棟樓單層組隊莊裡門牌電話", "号栋楼单层组队庄里门牌电话")
_DASHES = "‐‑‒–—―−﹣-~~·・•._"
_UNSEEN = "\x00"
"""Stands for a character that shows nothing: it separates no digits."""
_BRACKETS = str.maketrans("〔【﹙［", "((((") | str.maketrans("〕】﹚］", "))))")


class _Fold(dict[int, str]):
    """Width, dashes, spaces, look-alike digits and the traditional forms that matter here."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in _DASHES:
            folded = "-"
        elif char == "×":
            folded = "X"
        elif unicodedata.category(char) in ("Cf", "Mn", "Me"):
            folded = _UNSEEN
        elif char.isspace():
            folded = " "
        elif char.isdecimal():
            folded = str(unicodedata.decimal(char))
        else:
            wide = unicodedata.normalize("NFKC", char)
            folded = wide if len(wide) == 1 else char
            folded = folded.translate(_TRADITIONAL).translate(_BRACKETS)
        self[code] = folded
        return folded


# Control characters and the full stop stay as they are apart from what _Fold names.
_FOLD = _Fold({ord("."): "."})
_NUMERALS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "001234567891123456789")

# "YY 0469-2011 500 pieces" must not read as a landline: standards are blanked first.
_STANDARD = re.compile(
    r"\b(?:GB|GBZ|YY|WS|DB|DBJ|FZ|QB|HG|JB|JG|NY|SB|MZ|LY|BB|CJ|T|EN|ISO|IEC|ASTM|NIOSH)"
    r"(?:/[TZ])? ?[A-Z]{0,4}\d{0,3} ?\d{2,6}(?:\.\d{1,3})?(?:[:-] ?(?:19[5-9]|20[0-4])\d)?(?!\d)",
    re.ASCII,
)

# --- Digit runs: identity numbers, bank cards, phones. ---

_RUN = re.compile(r"\d(?:[ \-.()\x00]{0,3}\d){6,}(?:[ \-.()\x00]{0,3}[Xx])?", re.ASCII)
_GROUP = re.compile(r"\d+|[Xx]|[〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]+", re.ASCII)
_AREA = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9\d)\d{4}"
_MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_ID_18 = re.compile(rf"(?=({_AREA}(?:18|19|20)\d\d{_MONTH_DAY}\d{{3}}[\dXx]))", re.ASCII)
_ID_15 = re.compile(rf"(?=({_AREA}\d\d{_MONTH_DAY}\d{{3}}))", re.ASCII)
_MOBILE = re.compile(r"(?=((?:0{0,2}86|0)?1[3-9]\d{9}))", re.ASCII)
_LANDLINE = re.compile(r"(?=((?:0{0,2}86)?0(?:10|2\d|[3-9]\d\d)[2-9]\d{6,7}))", re.ASCII)
_ABROAD = re.compile(
    r"(?=((?:00)?(?:85[23][5-9]\d{7}|86(?:10|2\d|[3-9]\d\d)[2-9]\d{6,7})))", re.ASCII
)
_CARD_PREFIXES = ("62", "60", "4", "5", "3", "9")
_CARD_WORD = re.compile(r"(?:卡号|账号|帐号|账户|帐户|银行|卡|转账|汇款)\D{0,12}$")
_ID_WORD = re.compile(r"(?:身份证|身分证|证件|身份号|公民身份|ID)\D{0,12}$", re.IGNORECASE)
_CODE_WORD = re.compile(
    r"(?:信用代码|统一代码|订单|运单|单号|编号|批号|条码|流水号|备案号)\D{0,6}$"
)
_AMOUNT = re.compile(r" ?(?:元(?!旦)|万|亿|只|件)")
_MOBILE_SHAPES = frozenset(
    {(11,), (3, 4, 4), (4, 3, 4), (4, 4, 3), (3, 3, 5), (5, 3, 3), (3, 5, 3), (1,) * 11}
    | {(3, 2, 2, 2, 2), (3, 2, 3, 3), (3, 3, 3, 2), (2, 3, 3, 3)}
)
"""Any two groups will do besides."""
_LOCAL_SHAPES = frozenset({(7,), (8,), (3, 4), (4, 4), (4, 3), (2, 2, 2, 2), (1,) * 7, (1,) * 8})


@dataclass(frozen=True, slots=True)
class _Run:
    """Digits (and a last X) with the separators taken out, and where each stood in the text."""

    text: str
    digits: str
    places: list[int]
    lengths: list[int]
    """Of each group, in digits. A new group begins after a separator and where the script changes:
    in 周一13800138000 the 一 is a weekday."""
    cuts: dict[int, int]
    """Offset in `digits` where a group begins (or the run ends) → number of that group."""
    order: list[int]
    """Those offsets, ascending."""

    def whole(self, start: int, end: int) -> bool:
        return start in self.cuts and end in self.cuts

    def shape(self, start: int, end: int) -> tuple[int, ...]:
        """Lengths of the groups between two offsets; one group when nothing stands between."""
        between = self.text[self.places[start] : self.places[end - 1]]
        if len(between.replace(_UNSEEN, "")) == end - 1 - start:
            return (end - start,)
        order = self.order
        edges = [start, *order[bisect_right(order, start) : bisect_left(order, end)], end]
        return tuple(after - before for before, after in pairwise(edges))

    def before(self, start: int, width: int = 20) -> str:
        place = self.places[start]
        return self.text[max(0, place - width) : place]

    def finding(self, kind: PersonalDataKind, start: int, end: int) -> Finding:
        return Finding(kind, self.places[start], self.places[end - 1] + 1)


def _in_digit_runs(plain: str, digits: str) -> Iterator[Finding]:
    for match in _RUN.finditer(digits):
        run = _run(plain, digits, *match.span())
        yield from _id_numbers(run)
        yield from _phones(run)
        yield from _bank_cards(run)


def _run(plain: str, digits: str, start: int, end: int) -> _Run:
    places: list[int] = []
    lengths: list[int] = []
    cuts: dict[int, int] = {}
    for group in _GROUP.finditer(plain, start, end):
        size = group.end() - group.start()
        if (
            places
            and not plain[places[-1] + 1 : group.start()].strip(_UNSEEN)
            and (group.start() > places[-1] + 1)
        ):
            lengths[-1] += size
        else:
            cuts[len(places)] = len(lengths)
            lengths.append(size)
        places += range(group.start(), group.end())
    cuts[len(places)] = len(lengths)
    return _Run(
        digits, "".join([digits[place] for place in places]), places, lengths, cuts, list(cuts)
    )


def _id_numbers(run: _Run) -> Iterator[Finding]:
    for match in _ID_18.finditer(run.digits):
        start, end = match.span(1)
        number = match[1].upper()
        if run.whole(start, end) or ric.calc_check_digit(number) == number[-1]:
            yield run.finding(_K.ID_NUMBER, start, end)
    for match in _ID_15.finditer(run.digits):
        start, end = match.span(1)
        if run.whole(start, end) and (
            len(run.shape(start, end)) <= 4 or run.shape(start, end)[0] == 1
        ):
            yield run.finding(_K.ID_NUMBER, start, end)
    if len(run.digits) in (15, 17, 18) and _ID_WORD.search(run.before(0)):
        yield run.finding(_K.ID_NUMBER, 0, len(run.digits))


def _phones(run: _Run) -> Iterator[Finding]:
    for match in _MOBILE.finditer(run.digits):
        start, end = match.span(1)
        shape = run.shape(end - 11, end)
        if not run.whole(start, end) or _AMOUNT.match(run.text, run.places[end - 1] + 1):
            continue
        if len(shape) == 2 or shape in _MOBILE_SHAPES:
            yield run.finding(_K.PHONE, start, end)
    for match in _LANDLINE.finditer(run.digits):
        start, end = match.span(1)
        for last in {end, end - 1}:
            if run.whole(start, last) and _is_landline(run, start, last):
                yield run.finding(_K.PHONE, start, last)
    if run.before(0, 2).endswith("+") or run.digits.startswith("00"):
        for match in _ABROAD.finditer(run.digits[:16]):
            if match.start() == 0 and match.end(1) in run.cuts:
                yield run.finding(_K.PHONE, 0, match.end(1))


def _is_landline(run: _Run, start: int, end: int) -> bool:
    shape = run.shape(start, end)
    if len(shape) <= 2 or set(shape) == {1}:
        return True
    return any(shape[n:] in _LOCAL_SHAPES and sum(shape[:n]) <= 8 for n in (1, 2, 3))


def _bank_cards(run: _Run) -> Iterator[Finding]:
    for start, group in list(run.cuts.items())[:-1]:
        first = run.lengths[group]
        # A number spelled digit by digit is tried once, from where the spelling begins.
        spelled = first == 1 and _begins_spelling(run, group)
        if not (spelled or first in (4, 6) or first >= 16 or len(run.lengths) - group <= 2):
            continue
        for end in range(start + 16, start + 20):
            if end in run.cuts and _is_card(run, start, end):
                yield run.finding(_K.BANK_CARD, start, end)


def _begins_spelling(run: _Run, group: int) -> bool:
    return group == 0 or run.lengths[group - 1] != 1


def _is_card(run: _Run, start: int, end: int) -> bool:
    number, shape = run.digits[start:end], run.shape(start, end)
    if len(shape) > 2 and set(shape[:-1]) not in ({4}, {1}):
        return False
    if number[-1] in "Xx":
        return False
    before = run.before(start)
    if number.startswith(_CARD_PREFIXES) and not _CODE_WORD.search(before):
        return luhn.is_valid(number) or not uscc.is_valid(number)
    return luhn.is_valid(number) or bool(_CARD_WORD.search(before))


# --- Documents with letters. ---

_HK_CARD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,2} ?\d{6} ?\( ?[0-9Aa] ?\)", re.ASCII)
_HK_BARE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{1,2})(\d{6})[ -]?([0-9A])(?![A-Za-z0-9])", re.ASCII)
_MO_CARD = re.compile(r"(?<![\dA-Za-z])[157][/ ]?\d{6} ?(?:\( ?\d ?\)|/\d)(?!\d)", re.ASCII)
_PERMIT = re.compile(r"(?<![A-Za-z0-9])[HM]\d{8}(?:\d\d)?(?![A-Za-z0-9])", re.ASCII)
_PASSPORT = re.compile(
    r"(?<![A-Za-z0-9])(?:[EGDSP] ?\d{8}|[Ee][A-HJ-NP-Za-hj-np-z] ?\d{7}|1[45]\d{7}(?=\(护照))"
    r"(?![A-Za-z0-9])",
    re.ASCII,
)
_NAMED_PASSPORT = re.compile(
    r"(?:护照|passport)(?:号码|号| no\.?)?[:; 是为]{0,4}([A-Za-z]{0,2} ?\d{7,9})(?!\d)",
    re.IGNORECASE,
)
_NAMED_HKMO = re.compile(
    r"(?:香港|澳门|港澳|台湾|台胞|回乡|HKID|往来内地)[^\d,。;]{0,14}?"
    r"([A-Za-z]{0,2}\d{6,8}(?:\(?[\dA]\)?)?)(?!\d)",
    re.IGNORECASE,
)
_NAMED_HKMO_WORD = re.compile(r"证|ID|通行|回乡|台胞", re.IGNORECASE)


def _documents(text: str) -> Iterator[Finding]:
    for pattern in (_HK_CARD, _MO_CARD, _PERMIT):
        for match in pattern.finditer(text):
            yield Finding(_K.HKMO_DOCUMENT, *match.span())
    for match in _HK_BARE.finditer(text):
        if hong_kong_check_character(match[1] + match[2]) == match[3]:
            yield Finding(_K.HKMO_DOCUMENT, *match.span())
    for match in _NAMED_HKMO.finditer(text):
        if _NAMED_HKMO_WORD.search(match[0]):
            yield Finding(_K.HKMO_DOCUMENT, *match.span(1))
    for match in _PASSPORT.finditer(text):
        yield Finding(_K.PASSPORT, *match.span())
    for match in _NAMED_PASSPORT.finditer(text):
        yield Finding(_K.PASSPORT, *match.span(1))


def hong_kong_check_character(stem: str) -> str:
    """The check character (0-9 or A) of a Hong Kong identity card: 1 or 2 letters, 6 digits."""
    values = [36] * (8 - len(stem)) + [int(char, 36) for char in stem.upper()]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11]


# --- Ways to reach a person. ---

_AT = re.compile(
    r"(?<=[A-Za-z0-9]) {0,2}(?:@|[(\[{] ?at ?[)\]}]|艾特) {0,2}"
    r"[A-Za-z0-9-]{1,63}(?: ?(?:\.|[(\[] ?dot ?[)\]]|点) ?[A-Za-z0-9-]{2,63}){1,4}",
    re.IGNORECASE,
)
_BEFORE_AT = re.compile(r"[A-Za-z0-9._%+-]{1,64}$")
_WECHAT = re.compile(
    r"(?:微信|威信|薇信|V信|(?<![A-Za-z])(?:weixin|wechat|vx|wx))(?:账号|号码|号|ID)?"
    r"[:; 是为=(\"“「-]{0,4}(?=[A-Za-z0-9_-]{0,19}[A-Za-z0-9])([A-Za-z][-_A-Za-z0-9]{5,19})"
    r"|(?<![A-Za-z])wxid_[a-z0-9]{6,20}",
    re.IGNORECASE,
)
_QQ = re.compile(
    r"(?:(?<![A-Za-z])Q ?Q|扣扣|企鹅)(?:账号|号码|群|号)?"
    r"[:; 是为=(\"“「-]{0,4}([1-9](?:[ -]?\d){4,11})(?!\d)",
    re.IGNORECASE,
)
_NAMED_PHONE = re.compile(
    r"(?:电话|座机|固话|联系方式|联系人|致电|拨打|来电|手机|(?<![A-Za-z])(?:tel|phone))"
    r"[^\d,。;]{0,6}((?:[2-9]\d{2,3}[ -]?\d{4})|1[3-9]\d{9})(?!\d|元|份|件|个|名|人)",
    re.IGNORECASE,
)


def _contacts(plain: str, digits: str) -> Iterator[Finding]:
    for match in _AT.finditer(plain):
        name = _BEFORE_AT.search(plain, max(0, match.start() - 64), match.start())
        yield Finding(_K.EMAIL, name.start() if name else match.start(), match.end())
    for match in _WECHAT.finditer(plain):
        yield Finding(_K.MESSENGER, *match.span())
    for match in _QQ.finditer(digits):
        yield Finding(_K.MESSENGER, *match.span())
    for match in _NAMED_PHONE.finditer(digits):
        yield Finding(_K.PHONE, *match.span(1))


# --- Putting the findings together. ---

_TELLING = (_K.MESSENGER, _K.ID_NUMBER, _K.PASSPORT, _K.HKMO_DOCUMENT, _K.BANK_CARD, _K.PHONE)
_RANK = {kind: rank for rank, kind in enumerate((*_TELLING, _K.EMAIL, _K.ADDRESS))}


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """The first wins, of those the longest, of those the most telling kind."""
    taken: list[Finding] = []
    for finding in sorted(found, key=lambda f: (f.start, -f.end, _RANK[f.kind])):
        last = taken[-1] if taken else None
        if last is None or finding.start >= last.end:
            taken.append(finding)
        elif finding.end > last.end:
            taken[-1] = Finding(last.kind, last.start, finding.end)
    return taken
