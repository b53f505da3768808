"""Makes the authority's files of recognitions, small and large. Everybody in them is made up.

Identity numbers begin with 4499, a region that does not exist.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from stdnum.cn import ric

HEADER = (
    "认定编号",
    "户编号",
    "家庭人口",
    "人员编号",
    "与户主关系",
    "姓名",
    "身份证号",
    "区划",
    "救助类别",
    "认定级别",
    "认定日期",
    "起始日期",
    "有效期至",
    "收入比",
    "复核类别",
    "状态",
    "渐退起始",
    "退出原因",
    "退出日期",
    "数据日期",
)
TOWNS = ("440103002", "440103003", "440103004", "440104001", "440105001", "440106001")
SPELLINGS = {
    "DB": ("低保", "最低生活保障对象", "DB", "低保户", "最低生活保障家庭"),
    "TK": ("特困", "五保户", "特困供养人员", "特困人员"),
    "BY": ("低保边缘", "低边", "低收入家庭", "最低生活保障边缘家庭"),
    "GX": ("刚性支出困难家庭", "支出型困难", "支出型贫困家庭"),
    "FP": ("防止返贫监测对象", "易返贫易致贫"),
    "GE": ("孤儿",),
}
UNKNOWN = ("困难户甲类", "重点帮扶户", "双特户", "民政在册", "边缘边缘")
SURNAMES = "欧阳诸葛上官司马夏侯东方皇甫尉迟"
GIVEN = "示范样例测试虚构演练模拟"


def id_number(n: int) -> str:
    """A number of a region that does not exist, another one for each n, with its check digit."""
    born = date(1940, 1, 1) + timedelta(days=n % 27_000)
    stem = f"4499{n // 27_000 % 100:02d}{born:%Y%m%d}{n // 2_700_000 + n % 7:03d}"
    return stem + str(ric.calc_check_digit(stem + "0"))


def row(n: int = 1, **cells: Any) -> dict[str, Any]:
    """One household of one person on dibao, with some cells changed."""
    return (
        dict.fromkeys(HEADER, "")
        | {
            "认定编号": f"RD{n:07d}",
            "户编号": f"HH{n:07d}",
            "家庭人口": "2",
            "人员编号": f"PP{n:07d}",
            "与户主关系": "户主",
            "姓名": f"欧阳示范{n}",
            "身份证号": id_number(n),
            "区划": "440103002",
            "救助类别": "低保",
            "认定级别": "区县",
            "认定日期": "2025-03-01",
            "起始日期": "2025-03-01",
            "复核类别": "稳定",
            "状态": "有效",
        }
        | cells
    )


def rows(
    count: int, *, unknown: float = 0.03, seed: int = 1, first: int = 1
) -> Iterator[dict[str, Any]]:
    """Households of one to three people; so large a share of the categories is spelt as nobody
    knows it. Their numbers begin with `first`."""
    rng = random.Random(seed)
    made, household = 0, first - 1
    while made < count:
        household += 1
        town = rng.choice(TOWNS)
        people = rng.choice((1, 1, 2, 3))
        category = rng.choices(tuple(SPELLINGS), (60, 20, 9, 5, 4, 2))[0]
        for person in range(min(people, count - made)):
            made += 1
            decided = date(2024, 1, 1) + timedelta(days=rng.randrange(500))
            alone = category in ("TK", "GE") or person == 0
            spelling = rng.choice(SPELLINGS[category if alone else "GE"])
            if rng.random() < unknown:
                spelling = rng.choice(UNKNOWN)
            yield row(
                first + made - 1,
                户编号=f"HH{household:07d}",
                家庭人口=people,
                与户主关系="户主" if person == 0 else "子女",
                姓名=rng.choice(SURNAMES) + rng.choice(GIVEN) + rng.choice(GIVEN),
                区划=town,
                救助类别=spelling,
                认定日期=decided.isoformat(),
                起始日期=decided.isoformat(),
                收入比="0.9" if category == "DB" else "",
                复核类别=rng.choice(("稳定", "不稳定")),
            )


def write(path: Path, rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> Path:
    """The rows as CSV with their header; the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, HEADER)
        out.writeheader()
        out.writerows(rows)
    return path
