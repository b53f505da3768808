"""Personal data is found in ordinary sentences however it is written, and little else is.

The cases are made here, from how people write such things, not from how they are looked for:
identity numbers of places that do not exist, phones of unassigned blocks, made-up cards and roads.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from nexus.core.personal_data import Finding, PersonalDataKind, find_personal_data

K = PersonalDataKind
Maker = Callable[[random.Random], str]
CASES = 300
"""Of each of the ten makers."""

HAN = "〇一二三四五六七八九"
ZERO = "零一二三四五六七八九"
SPOKEN = "零幺二三四五六七八九"
FORMAL = "零壹贰叁肆伍陆柒捌玖"
FULL = "０１２３４５６７８９"

BEFORE = (
    "", "", "请联系", "联系方式：", "如有疑问请致电 ", "她说她的号码是", "本人", "资料如下：", "有意者请找我，",
    "老人行动不便，", "(", "【", "家属留言：", "Tel ", "备注:", "急需轮椅一台，", "孩子今年三年级，", "母亲卧床，",
    "谢谢好心人！", "可于周一至周五联系，", "登记为", "他写的是“",
)
AFTER = (
    "", "", "。", "，谢谢", "，请勿外传", "（家属）", "！", "；另需大米两袋", " 非诚勿扰", "】", ")", "，可随时联系", "\n次日送达",
    "，共3人", "”", " 。急", "、王某", "，今年68岁",
)


def digits(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(size))


def grouped(text: str, sizes: list[int], separator: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return separator.join(part for part in [*parts, text[at:]] if part)


def written(rng: random.Random, text: str, sizes: list[list[int]]) -> str:
    """A number as people write it: bare, grouped, in full width, in Chinese numerals, spelled."""
    way = rng.choice(["bare", "bare", "bare", "groups", "groups", "full", "han", "spelled", "odd"])
    if way == "groups":
        return grouped(text, rng.choice(sizes), rng.choice([" ", "-", " ", "—", ".", "  ", "－"]))
    if way == "full":
        return text.translate(str.maketrans("0123456789", FULL))
    if way == "han":
        numerals = rng.choice([HAN, ZERO, SPOKEN, FORMAL])
        return text.translate(str.maketrans("0123456789", numerals))
    if way == "spelled":
        return rng.choice([" ", "-", "."]).join(text)
    if way == "odd":
        at = rng.randrange(1, len(text))
        return text[:at] + rng.choice(["\u200b", "\u00a0", "\u3000"]) + text[at:]
    return text


def check_digit(stem: str) -> str:
    """The check character of GB 11643, worked out here."""
    weights = [pow(2, 17 - at, 11) for at in range(17)]
    total = sum(int(char) * weight for char, weight in zip(stem, weights, strict=True))
    return "10X98765432"[total % 11]


def identity_number(rng: random.Random) -> str:
    """Of a county that does not exist; one in three with a wrong check character."""
    county = rng.choice(["44", "42", "11", "31", "51", "65"]) + "99" + f"{rng.randrange(80, 99)}"
    born = f"{rng.randrange(1930, 2020)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    if rng.random() < 0.12:
        return written(rng, county + born[2:] + digits(rng, 3), [[6, 6], [6]])
    stem = county + born + digits(rng, 3)
    last = check_digit(stem)
    if rng.random() < 0.33:
        last = rng.choice([char for char in "0123456789X" if char != last])
    if last == "X":
        last = rng.choice("Xx×Ｘ")
    return written(rng, stem + last, [[6, 8], [6, 4, 4], [3, 3, 4, 4], [6], [4, 4, 4, 4]])


def mobile(rng: random.Random) -> str:
    number = rng.choice(["154", "142", "143", "179"]) + digits(rng, 8)
    text = written(rng, number, [[3, 4], [3], [3, 3], [4, 3], [7]])
    return rng.choice(["", "", "", "", "+86 ", "+86", "0086-", "86-", "(+86)"]) + text


def landline(rng: random.Random) -> str:
    area = rng.choice(["020", "010", "0757", "0763", "027", "0668"])
    size = 8 if len(area) == 3 else 7
    local = rng.choice("2345678") + digits(rng, size - 1)
    if rng.random() < 0.3:
        local = grouped(local, [4], rng.choice(["-", " "]))
    form = rng.choice(["{}-{}", "({}){}", "{}{}", "{} {}", "（{}）{}", "+86 {}-{}"])
    text = form.format(area if not form.startswith("+") else area[1:], local)
    return text.translate(str.maketrans("0123456789", FULL)) if rng.random() < 0.15 else text


def abroad(rng: random.Random) -> str:
    number = rng.choice("569") + digits(rng, 7)
    shape = rng.choice([number, grouped(number, [4], " "), grouped(number, [4], "-")])
    return rng.choice(["+852 ", "+852-", "00852 ", "+853 6", "(+852)"])[:99] + (
        shape if True else ""
    )


def luhn(stem: str) -> str:
    """The check digit of ISO/IEC 7812, worked out here."""
    total = 0
    for at, char in enumerate(reversed(stem)):
        value = int(char) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def bank_card(rng: random.Random) -> str:
    stem = rng.choice(["6200", "6229", "4000", "5100", "6099"])
    stem += digits(rng, rng.choice([11, 12, 14]))
    last = luhn(stem)
    said = rng.choice(["卡号", "银行卡：", "账号 ", "工行卡号是", "请转账至"])
    if rng.random() < 0.3:
        return said + written(rng, stem + digits(rng, 1), [[4, 4, 4, 4]])
    return rng.choice(["", said]) + written(rng, stem + last, [[4, 4, 4, 4], [4, 4, 4, 4, 3], [6]])


ROADS = (
    "解放北", "中山三", "人民", "环市东", "文明", "新港西", "建设二马", "东风", "沿江中", "福康", "南村", "石牌东", "翠竹",
)
ESTATES = ("锦绣花园", "翠湖小区", "金碧新村", "祥和苑", "东方明珠公寓", "阳光家园", "丽江社区", "机械厂宿舍")
VILLAGES = ("石桥村", "上围村", "东坑村", "大岭村", "塘尾村", "新屋村")


def number(rng: random.Random, most: int = 300) -> str:
    value = rng.randrange(1, most)
    if value < 100 and rng.random() < 0.25:
        tens, ones = divmod(value, 10)
        head = {0: "", 1: "十"}.get(tens, f"{ZERO[tens]}十")
        return (head + (ZERO[ones] if ones else "")) or "十"
    if rng.random() < 0.15:
        return str(value).translate(str.maketrans("0123456789", FULL))
    return str(value)


def road_address(rng: random.Random) -> str:
    kind = rng.choice(["路", "街", "大道", "巷", "大街"])
    road = rng.choice(ROADS) + kind + rng.choice(["", "", "", "三巷", "横街", "东"])
    text = f"{road}{number(rng)}号"
    text += rng.choice(["", "", "之二", f"{number(rng, 30)}栋{rng.randrange(101, 2900)}房", f"-{number(rng, 9)}"])
    text += rng.choice(["", f"{rng.randrange(101, 990)}室", ""])
    return rng.choice(["", "", "广州市越秀区", "家住", "地址：佛山市南海区桂城街道", "東莞市"]) + text


def estate_address(rng: random.Random) -> str:
    estate = rng.choice(ESTATES)
    form = rng.choice(["{e}{n}栋{f}单元{r}", "{e}{n}幢{r}室", "{e}{l}座{r}", "{e}{n}号楼{f}单元{r}室", "{e}{n}栋{r}房"])
    return form.format(
        e=estate,
        n=number(rng, 40),
        f=number(rng, 5),
        r=rng.randrange(101, 2900),
        l=rng.choice("ABCDEF"),
    )


def village_address(rng: random.Random) -> str:
    form = rng.choice(["{v}{g}组{n}号", "{v}{n}号", "{v}第{g}村民小组{n}号", "{v}{g}队{n}号", "家住{v}{n}号"])
    return form.format(v=rng.choice(VILLAGES), g=number(rng, 15), n=number(rng, 200))


def hong_kong_or_macao(rng: random.Random) -> str:
    """Cards and permits; the check character of a card is whatever falls."""
    letter = rng.choice("ABCDGHKMPRVYZ")
    forms = (
        f"{letter}{digits(rng, 6)}({rng.choice('0123456789A')})",
        f"{letter}{digits(rng, 6)}（{rng.choice('0123456789A')}）",
        f"{letter} {digits(rng, 6)} ({rng.choice('0123456789A')})",
        f"{letter.lower()}{digits(rng, 6)}({rng.choice('0123456789')})",
        f"{rng.choice('157')}{digits(rng, 6)}({rng.choice('0123456789')})",
        f"{rng.choice('157')}/{digits(rng, 6)}/{rng.choice('0123456789')}",
        f"回乡证{rng.choice('HM')}{digits(rng, 8)}",
        f"{rng.choice('HM')}{digits(rng, 10)}",
        f"香港身份证{letter}{digits(rng, 7)}",
        f"台胞证号{digits(rng, 8)}",
    )
    return rng.choice(forms)


def email(rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    name = rng.choice("lxwzc") + "".join(rng.choice(letters) for _ in range(rng.randrange(3, 12)))
    host = rng.choice(["example.com", "example.org", "mail.example.cn", "qq.example", "corp.example.com.cn"])
    form = rng.choice(["{}@{}", "{}@{}", "{}＠{}", "{} @ {}", "{}(at){}", "{}[at]{}"])
    return form.format(rng.choice([name, name + "." + "li", name + "_01"]), host)


def messenger(rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    account = "".join(rng.choice(letters) for _ in range(rng.randrange(3, 8))) + digits(rng, 4)
    said = rng.choice(["微信：", "微信号", "加微信 ", "VX:", "wx ", "WeChat: ", "V信", "薇信是"])
    if rng.random() < 0.35:
        qq = rng.choice("123456789") + digits(rng, rng.randrange(5, 10))
        return rng.choice(["QQ", "QQ：", "QQ号 ", "扣扣", "qq群"]) + qq
    if rng.random() < 0.1:
        return "wxid_" + "".join(rng.choice(letters) for _ in range(12))
    return said + account


MAKERS: dict[Maker, PersonalDataKind] = {
    identity_number: K.ID_NUMBER,
    mobile: K.PHONE,
    landline: K.PHONE,
    abroad: K.PHONE,
    bank_card: K.BANK_CARD,
    road_address: K.ADDRESS,
    estate_address: K.ADDRESS,
    village_address: K.ADDRESS,
    hong_kong_or_macao: K.HKMO_DOCUMENT,
    email: K.EMAIL,
    messenger: K.MESSENGER,
}


def planted(make: Maker, rng: random.Random) -> Iterator[tuple[str, int, int]]:
    """Sentences with the datum at a known place."""
    for _ in range(CASES):
        datum = make(rng)
        before, after = rng.choice(BEFORE), rng.choice(AFTER)
        yield before + datum + after, len(before), len(before) + len(datum)


def overlaps(finding: Finding, start: int, end: int) -> bool:
    return finding.start < end and finding.end > start


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_it_is_found_in_a_sentence(make: Maker) -> None:
    rng = random.Random(f"found {make.__name__}")
    missed, misnamed = [], []
    for text, start, end in planted(make, rng):
        found = [one for one in find_personal_data(text) if overlaps(one, start, end)]
        if not found:
            missed.append(text)
        elif MAKERS[make] not in {one.kind for one in found}:
            misnamed.append((text, found[0].kind))
    assert len(missed) <= CASES * 0.01, missed[:20]
    assert len(misnamed) <= CASES * 0.05, misnamed[:20]
