"""How an address is written in Chinese: a road, a building or a village, with a number.

The mere name of a road, district, town or village is no address.
"""

import re
from collections.abc import Iterator

_N = r"(?:[甲乙丙丁附第]? ?(?:\d{1,5}|[一二三四五六七八九十百零〇两]{1,5})[A-Za-z甲乙丙丁]?)"
_NN = rf"{_N}(?: ?[-之/] ?{_N}){{0,3}}"
_HAN = r"[\u4e00-\u9fff]"
_DAY = (
    r"(?! ?(?:前|后|起|至|到|开|出|集|上午|下午|晚|早|发|领|送|截|之[前后间内]|以|左"
    r"|线|病|文|令|公告|通知))"
)
"""After 号: the number was a day, a bus line, a ward or a document."""
_ESTATE = (
    r"(?:小区|花园|花苑|苑|公寓|新村|家园|大厦|大院|宿舍|山庄|新城|名城|广场|华庭|豪庭|雅居"
    r"|府|湾|社区|围)"
)
_ADDRESS_PATTERNS = (
    # Road and house number: 解放北路123号, 中山三路33号之二, 上社大街三巷五号.
    rf"(?:{_HAN}|\d)(?:大道|道|路|街|巷|弄|胡同|坊|径|横|直|墟|(?<![这那哪家校区村县店院心手镇市城])里)"
    rf"[东南西北中内]? ?{_NN} ?[号弄]{_DAY}",
    rf"{_HAN}(?<![道公一线出铁网马电思活])(?:路|街|大道|巷) ?\d{{1,4}}(?:-\d{{1,4}})?"
    r"(?= ?(?:$|[,。;、)!]|\d|栋|幢|单元))",
    # Building with unit, floor or room: 3栋2单元501, B座1203室, 6楼602, 12号楼.
    rf"(?:{_N}|[A-Za-z]) ?(?:栋|幢|座|号楼|#楼|#|单元|梯|期|楼|层|阁) ?"
    rf"(?:{_N} ?(?:单元|楼|层|梯|座|门) ?){{0,2}}(?:\d{{3,4}}|{_N} ?(?:室|房|号|单元|户))"
    r"(?! ?(?:元|名|人|户|间|平|米|公斤|斤|个|份|件|套|张|次))",
    rf"{_N} ?(?:栋|幢|座) ?\d{{1,4}}[A-Za-z](?![A-Za-z])",
    rf"(?:{_N}|[A-Za-z]) ?(?:区|排) ?{_N} ?(?:排 ?{_N} ?)?[号座]{_DAY}",
    r"(?<!\d)\d{3,4} ?(?:室|房)(?!间|屋|租|贷|产|型|企)",
    rf"{_N} ?(?:号楼|号院|号大院|单元)(?! ?(?:教|课|测|格|的知))",
    rf"{_ESTATE} ?(?:{_N}|[A-Za-z]) ?(?:栋|幢|座|号|梯)(?! ?[老旧楼住危居民线])",
    rf"{_HAN}{_ESTATE} ?[A-Za-z]?\d{{1,3}}-\d{{1,4}}(?:-\d{{3,4}})?(?!\d)",
    # Village, group and number: 石桥村三组12号, 东坑村第五村民小组18号, 上围屯7号.
    rf"(?:组|队|社|村|屯|寨|庄|围|坊) ?{_N} ?号{_DAY}",
    rf"村(?:民)?(?:第)? ?{_N} ?(?:村民小组|小组|组|队|社) ?{_N}"
    r"(?!\d| ?(?:名|人|户|个|元|位|月|年|日|岁))",
    # Said to be an address: 家住…12号, 门牌18号.
    rf"(?:家住|住址|地址|住在|现住|户籍地|居住地)[^,。;]{{0,30}}?{_N} ?[号室栋幢弄]",
    rf"门牌(?:号码|号)?[:; 是为]{{0,3}}{_N}",
    # In English.
    r"\b\d{1,4}[A-Z]?,? (?:[A-Z][a-z]{1,15} ){1,4}(?:Road|Rd|Street|St|Avenue|Ave|Lane)\b",
    r"\b(?:Room|Rm|Flat|Apt|Unit)\.? ?[A-Z]?\d{1,4}\b",
)
_ADDRESS = [re.compile(pattern) for pattern in _ADDRESS_PATTERNS]


def addresses(text: str) -> Iterator[re.Match[str]]:
    """Where a folded text (see `personal_data`) has an address, in no order."""
    for pattern in _ADDRESS:
        yield from pattern.finditer(text)
