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
"""Of each maker."""

HAN = "〇一二三四五六七八九"
ZERO = "零一二三四五六七八九"
SPOKEN = "零幺二三四五六七八九"
FORMAL = "零壹贰叁肆伍陆柒捌玖"
FULL = "０１２３４５６７８９"

BEFORE = (
    "",
    "",
    "请联系",
    "联系方式：",
    "如有疑问请致电 ",
    "她说她的号码是",
    "本人",
    "资料如下：",
    "有意者请找我，",
    "老人行动不便，",
    "(",
    "【",
    "家属留言：",
    "Tel ",
    "备注:",
    "急需轮椅一台，",
    "孩子今年三年级，",
    "母亲卧床，",
    "谢谢好心人！",
    "可于周一至周五联系，",
    "登记为",
    "他写的是“",
)
AFTER = (
    "",
    "",
    "。",
    "，谢谢",
    "，请勿外传",
    "（家属）",
    "！",
    "；另需大米两袋",
    " 非诚勿扰",
    "】",
    ")",
    "，可随时联系",
    "\n次日送达",
    "，共3人",
    "”",
    " 。急",
    "、王某",
    "，今年68岁",
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
    """Hong Kong and Macao."""
    country, first = rng.choice([("852", "569"), ("853", "6")])
    local = rng.choice(first) + digits(rng, 7)
    shown = rng.choice([local, grouped(local, [4], " "), grouped(local, [4], "-")])
    return rng.choice(["+{} {}", "+{}-{}", "00{} {}", "(+{}) {}", "+{}{}"]).format(country, shown)


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
    "解放北",
    "中山三",
    "人民",
    "环市东",
    "文明",
    "新港西",
    "建设二马",
    "东风",
    "沿江中",
    "福康",
    "南村",
    "石牌东",
    "翠竹",
)
ESTATES = (
    "锦绣花园",
    "翠湖小区",
    "金碧新村",
    "祥和苑",
    "东方明珠公寓",
    "阳光家园",
    "丽江社区",
    "机械厂宿舍",
)
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
    text += rng.choice(
        ["", "", "之二", f"{number(rng, 30)}栋{rng.randrange(101, 2900)}房", f"-{number(rng, 9)}"]
    )
    text += rng.choice(["", f"{rng.randrange(101, 990)}室", ""])
    return (
        rng.choice(["", "", "广州市越秀区", "家住", "地址：佛山市南海区桂城街道", "東莞市"]) + text
    )


def estate_address(rng: random.Random) -> str:
    estate = rng.choice(ESTATES)
    form = rng.choice(
        [
            "{e}{n}栋{f}单元{r}",
            "{e}{n}幢{r}室",
            "{e}{l}座{r}",
            "{e}{n}号楼{f}单元{r}室",
            "{e}{n}栋{r}房",
        ]
    )
    return form.format(
        e=estate,
        n=number(rng, 40),
        f=number(rng, 5),
        r=rng.randrange(101, 2900),
        l=rng.choice("ABCDEF"),
    )


def village_address(rng: random.Random) -> str:
    form = rng.choice(
        ["{v}{g}组{n}号", "{v}{n}号", "{v}第{g}村民小组{n}号", "{v}{g}队{n}号", "家住{v}{n}号"]
    )
    return form.format(v=rng.choice(VILLAGES), g=number(rng, 15), n=number(rng, 200))


def lane_address(rng: random.Random) -> str:
    """Lanes of lanes, rows, blocks with lettered flats, and how Hong Kong and Macao write."""
    form = rng.choice(
        [
            "{r}街{n}巷{m}号",
            "{r}大街{g}巷{m}号{f}",
            "{v}{r}街{n}巷{m}号{f}房",
            "{e}{l}区{n}排{g}号",
            "{e}三期{n}座{g}{l}",
            "弥敦道{n}号{g}楼{l}室",
            "氹仔成都街{n}号",
            "沙角邨美雁楼{f}室",
            "Flat {n}{l}, {m} Nathan Road",
            "門牌{n}號",
            "{r}路{m}號{g}樓",
        ]
    )
    return form.format(
        r=rng.choice(ROADS),
        v=rng.choice(VILLAGES),
        e=rng.choice(ESTATES),
        n=rng.randrange(1, 99),
        m=rng.randrange(1, 300),
        g=rng.randrange(1, 30),
        f=rng.randrange(101, 2900),
        l=rng.choice("ABCDEF"),
    )


def passport(rng: random.Random) -> str:
    text = rng.choice(["E", "G", "EA", "EB", "EJ"])
    text += digits(rng, 9 - len(text))
    return rng.choice(["", "护照", "护照号：", "passport no. "]) + text


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
    host = rng.choice(
        ["example.com", "example.org", "mail.example.cn", "qq.example", "corp.example.com.cn"]
    )
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
    lane_address: K.ADDRESS,
    hong_kong_or_macao: K.HKMO_DOCUMENT,
    passport: K.PASSPORT,
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


HARMLESS_FORMS = (
    # Quantities and money.
    "需要{n}只医用外科口罩，{m}套防护服，另需{n}瓶75%酒精",
    "每人每月补助{m}元，共{n}户{m}人，合计{big}元",
    "大米{n}斤、食用油{m}升、奶粉{n}罐，总价{big}.{two}元",
    "筹款{big}万元，已拨付{n}.{two}万元，余{m}万元",
    "采购价{n}元/件，限价{big}元，预算编号{year}-{three}",
    "产能每日{big}只，月底前可供{big}只",
    "¥{big}.00（人民币）用于{n}名学生的助学金",
    "轮椅{n}台，承重{m}公斤，尺寸{m}×{n}×{m}厘米",
    "人均{n}平方米，建筑面积{big}平方米，{n}层{m}间",
    "体重{n}公斤，血压{m}/{n}，体温3{one}.{one}度",
    "需志愿者{n}名，每周{one}次，每次{one}小时，共{m}小时",
    "比例为{n}%，较{year}年增长{one}.{two}个百分点",
    "占地{n}亩，惠及{m}个村、{big}人次",
    # Dates and times.
    "请于{year}年{month}月{day}日前送达",
    "{year}-{month}-{day}至{year}-{month}-{day}公示",
    "{month}月{day}日上午{one}:30至11:30发放",
    "每月{day}号发放，{day}号前登记",
    "{year}.{month}.{day} 更新，有效期至{year}{month2}{day2}",
    "营业时间8:00-20:00，周一至周日，{month}/{day}休息",
    "{year}学年第{one}学期，{year}级{n}班学生",
    "定于{day}号上午在社区广场集合",
    # Standards, laws, documents, numbers of things.
    "符合YY 0469-2010，YY/T 0969-2013，GB 19083-2010的口罩",
    "防护服按GB 19082-2003，手套按GB 10213-2006，{n}件",
    "型号3M 1860/1870/9123，防飞沫款，{n}个",
    "依据粤府〔{year}〕{n}号文，{year}年第{n}号公告",
    "国办发〔{year}〕{n}号、民发〔{year}〕{m}号规定",
    "按《社会救助暂行办法》（国务院令第{n}号）第{m}条第{one}款",
    "需求编号N-4401-{year}-00{four}，项目编号P-44-{year}-00{four}",
    "批号{year}{month2}{day2}，规格{n}ml×{m}瓶",
    "统一社会信用代码51440000MJL{four}00X的基金会",
    "版本{one}.{two}.{one}，第{n}页共{m}页，附件{one}",
    "ISO 13485:{year}、EN 14683-2019认证，{n}箱",
    "中标公告 GZ{year}-{three}，包组{one}",
    "MZ/T 094-2017个案工作，T/GZAS {n}-{year}",
    # Hotlines and offices.
    "咨询请拨12345政务热线，或12349救助热线",
    "紧急情况请拨打110、120或119",
    "全国统一客服400-{three}-{four}，工作日接听",
    "服务热线 400{three}{four}，免费",
    "心理援助热线12356，妇女维权12338，残联12385",
    "法律援助12348，青少年12355，消费投诉12315",
    # Places without a house.
    "{city}{county}{town}的困难家庭",
    "服务{city}全境，优先{county}、{town}",
    "{town}社工站招募志愿者{n}名",
    "{county}第{one}小学{n}年级{m}名学生缺书包",
    "{city}第{one}人民医院急诊科急需物资",
    "请送至{county}民政局救助科统一接收",
    "{town}新村社区居委会，{n}户老人",
    "乘地铁{one}号线或{n}路公交车可到",
    "{county}{one}号台风受灾村{n}个",
    "经过人民路时道路积水，{n}户受灾",
    "沿江路改造工程影响居民{n}户",
    "{town}有{n}栋危房、{m}条村道需修",
    "{n}栋居民楼、{m}个单元的{big}名居民",
    "教学楼{one}楼有{n}间教室漏水",
    # People without names.
    "{n}岁独居老人，行动不便，需每周探访{one}次",
    "一户{one}口之家，父亲重病，孩子{n}岁",
    "为{n}名孤儿和{m}名事实无人抚养儿童购买校服",
    "残疾等级{one}级，需护理床{one}张、防褥疮床垫{one}张",
    "二〇二{one}年以来帮扶一百二十三户，三百六十五人次",
    "一千二百三十四人受益，其中五十六人重残",
    "十月一日至十二月三十一日，每周三、周五开展",
    "家庭年收入{big}元，医疗支出{big}元",
    "身份证复印件一份、低保证原件、申请表{one}份",
    "银行卡由村委会统一办理，请勿轻信转账电话",
    "微信扫码登记，邮箱见公告，地址见民政局网站",
    "电话回访{n}次，满意率{two}%",
    "血型A型，A{n}款，N95口罩{m}个，84消毒液{n}桶",
    "招聘{n}人，月薪{four}-{four}元，五险一金",
    "QQ群已满，请关注公众号查询",
    "{one}室{one}厅廉租房需修缮，{n}平方米",
    "护照、港澳通行证过期的请到出入境窗口咨询",
)
CITIES = ("广州市", "韶关市", "东莞市", "湛江市", "梅州市", "广东省佛山市")
COUNTIES = ("越秀区", "乳源瑶族自治县", "遂溪县", "梅县区", "南海区", "海珠区")
TOWNS = ("登峰街道", "桂城街道", "虎门镇", "大朗镇", "石牌街道", "古镇镇")


def harmless(rng: random.Random) -> str:
    values = {
        "n": rng.randrange(2, 999),
        "m": rng.randrange(2, 99),
        "one": rng.randrange(1, 9),
        "two": f"{rng.randrange(10, 99)}",
        "three": f"{rng.randrange(100, 999)}",
        "four": f"{rng.randrange(1000, 9999)}",
        "big": rng.choice(["{}", "{:,}"]).format(rng.randrange(1000, 9999999)),
        "year": rng.randrange(2005, 2027),
        "month": rng.randrange(1, 13),
        "day": rng.randrange(1, 29),
        "month2": f"{rng.randrange(1, 13):02d}",
        "day2": f"{rng.randrange(1, 29):02d}",
        "city": rng.choice(CITIES),
        "county": rng.choice(COUNTIES),
        "town": rng.choice(TOWNS),
    }
    return rng.choice(HARMLESS_FORMS).format(**values)


def test_harmless_texts_pass() -> None:
    rng = random.Random("harmless")
    texts = {harmless(rng) for _ in range(3000)}
    assert len(texts) > 2000
    alarms = [text for text in sorted(texts) if find_personal_data(text)]
    assert len(alarms) <= len(texts) * 0.01, alarms[:20]


def test_recall_over_everything_is_above_99_of_100() -> None:
    rng = random.Random("all")
    found = Counter[str]()
    cases = [(text, at, to) for make in MAKERS for text, at, to in planted(make, rng)]
    assert len(cases) >= 2000
    for text, start, end in cases:
        found[str(any(overlaps(one, start, end) for one in find_personal_data(text)))] += 1
    assert found["True"] >= 0.99 * len(cases)


def test_findings_lie_in_the_text_in_order_and_apart() -> None:
    rng = random.Random("places")
    for _ in range(300):
        parts = [next(planted(make, rng))[0] for make in rng.sample(list(MAKERS), 4)]
        text = "，".join(parts)
        found = find_personal_data(text)
        assert found
        last = 0
        for one in found:
            assert last <= one.start < one.end <= len(text)
            last = one.end


def test_the_place_covers_the_whole_number() -> None:
    rng = random.Random("whole")
    for make in (identity_number, mobile):
        for text, start, end in planted(make, rng):
            found = find_personal_data(text)
            left = "".join(
                char
                for at, char in enumerate(text[start:end], start)
                if not any(one.start <= at < one.end for one in found)
            )
            assert sum(char.isdecimal() for char in left) <= 4, text


HEAVY = {
    "1": 20_000,
    "1 ": 20_000,
    "一": 20_000,
    "a@": 10_000,
    "路1号": 6_000,
    "-": 20_000,
    "12-": 9_000,
    "微信": 9_000,
    "A1": 9_000,
    "村1组": 7_000,
    "(": 20_000,
    "\u200b": 20_000,
    "1\x00": 9_000,
}


@pytest.mark.parametrize("text", [part * times for part, times in HEAVY.items()], ids=HEAVY)
def test_the_time_grows_with_the_length_and_no_faster(text: str) -> None:
    begun = time.perf_counter()
    find_personal_data(text)
    assert time.perf_counter() - begun < 3


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "，。！", "大米", "\ud83d\ude00", "1234567\x00", "〇" * 40]
)
def test_odd_texts_do_not_fail(text: str) -> None:
    find_personal_data(text)
