"""What the made-up world asks for and gives: templates of needs and of offers."""

from dataclasses import dataclass
from decimal import Decimal

from nexus.needs.model import NeedKind, Urgency


@dataclass(frozen=True)
class Want:
    """A line of help with the text that would be published with it."""

    category: str
    kind: NeedKind
    item: str
    item_code: str | None
    unit: str
    quantities: tuple[int, ...]
    title: str
    summary: str
    weight: int = 1

    def quantity(self, pick: float) -> Decimal:
        """One of the usual quantities, by a number from 0 to 1."""
        return Decimal(self.quantities[int(pick * len(self.quantities))])


_G, _S, _C, _H = NeedKind.GOODS, NeedKind.SERVICE, NeedKind.CASH, NeedKind.HOURS

WANTS = (
    Want(
        "LIV",
        _G,
        "大米",
        "FOOD.RICE",
        "KGM",
        (25, 50, 100),
        "低保家庭需要口粮",
        "家中老人行动不便，粮油支出吃紧，盼有爱心单位按月送粮。",
        6,
    ),
    Want(
        "LIV",
        _G,
        "食用油",
        "FOOD.OIL",
        "LTR",
        (5, 10, 20),
        "独居老人需要食用油",
        "独居老人靠低保生活，需要食用油过冬。",
        4,
    ),
    Want(
        "LIV",
        _G,
        "棉被",
        "HOME.QUILT",
        "C62",
        (1, 2, 4),
        "山区家庭需要过冬棉被",
        "住房通风寒冷，现有被褥单薄，需要棉被。",
        3,
    ),
    Want(
        "LIV",
        _G,
        "成人纸尿裤",
        "AID.NAPPY",
        "XPK",
        (10, 20, 40),
        "失能老人需要护理用品",
        "长期卧床的失能老人需要成人纸尿裤。",
        4,
    ),
    Want(
        "MED",
        _G,
        "轮椅",
        "AID.WHEELCHAIR",
        "C62",
        (1,),
        "行动不便者需要轮椅",
        "腿部残疾，出门困难，需要轮椅一部。",
        3,
    ),
    Want(
        "MED",
        _G,
        "助听器",
        "AID.HEARING",
        "C62",
        (1, 2),
        "听力障碍者需要助听器",
        "听力下降，与人交流困难，需要助听器。",
        2,
    ),
    Want(
        "MED",
        _C,
        "大病医疗自付费用",
        None,
        "CNY",
        (3000, 8000, 20000),
        "大病家庭自付费用沉重",
        "报销后自付医疗费用仍然较高，盼得到资助。",
        3,
    ),
    Want(
        "CAR",
        _S,
        "上门助浴",
        None,
        "E48",
        (4, 8, 12),
        "失能老人需要上门助浴",
        "家属年迈无力照料，需要上门助浴服务。",
        3,
    ),
    Want(
        "CAR",
        _S,
        "家政服务",
        None,
        "HUR",
        (8, 16, 24),
        "重残人员需要家政服务",
        "重度残疾人独自居住，需要定期打扫和采买。",
        3,
    ),
    Want(
        "EDU",
        _C,
        "高中阶段助学金",
        None,
        "CNY",
        (2000, 4000),
        "困境学生需要助学金",
        "监护人无劳动能力，孩子升入高中，学杂费有困难。",
        3,
    ),
    Want(
        "EDU",
        _G,
        "文具和书包",
        "SCHOOL.BAG",
        "SET",
        (1, 2, 3),
        "留守儿童需要文具",
        "新学期到来，需要书包和文具。",
        2,
    ),
    Want(
        "EDU",
        _H,
        "课业辅导",
        None,
        "HUR",
        (10, 20, 40),
        "留守儿童需要课业辅导",
        "祖辈无法辅导功课，盼志愿者每周辅导。",
        3,
    ),
    Want(
        "HOU",
        _S,
        "居家适老化改造",
        None,
        "E48",
        (1,),
        "独居老人家中需要扶手和防滑",
        "卫生间湿滑无扶手，曾经跌倒，需要适老化改造。",
        2,
    ),
    Want(
        "PSY",
        _S,
        "心理疏导",
        None,
        "E48",
        (4, 6, 8),
        "遭遇变故的家庭需要心理疏导",
        "家庭突遭变故，成员情绪低落，需要专业疏导。",
        2,
    ),
    Want(
        "SOC",
        _H,
        "陪伴探访",
        None,
        "HUR",
        (6, 12),
        "高龄独居老人盼人陪伴",
        "子女不在身边，盼有志愿者定期探访陪伴。",
        3,
    ),
    Want(
        "TRA",
        _H,
        "陪同就医",
        None,
        "HUR",
        (4, 8),
        "透析病人需要陪同就医",
        "每周往返医院，需要志愿者陪同。",
        2,
    ),
)

GROUP_WANTS = (
    Want(
        "LIV",
        _G,
        "食品包",
        "FOOD.PARCEL",
        "XPK",
        (60, 120, 200),
        "村里低保户节前需要食品包",
        "全村低保、特困家庭节前慰问。",
    ),
    Want(
        "EDU",
        _G,
        "图书",
        "SCHOOL.BOOK",
        "C62",
        (300, 600),
        "乡村小学需要课外图书",
        "学校图书角陈旧，需要适龄图书。",
    ),
    Want(
        "DIS",
        _G,
        "帐篷",
        "HOME.TENT",
        "C62",
        (20, 40),
        "受灾村需要临时帐篷",
        "强降雨后部分房屋受损，需要临时安置。",
    ),
)

SPARE = ("LEG", "法律援助咨询", "有家庭遇到赔偿纠纷，需要法律咨询。")
"""A category nobody offers: it becomes a gap."""

URGENCIES = (Urgency.U1, Urgency.U2, Urgency.U3, Urgency.U4)
URGENCY_WEIGHTS = (1, 3, 8, 12)
