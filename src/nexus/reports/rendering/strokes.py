"""The strokes that charts are drawn with."""

from html import escape

WIDTH = 720
INK = "#1b2733"
AXIS = "#7c8894"
FAINT = "#d9dfe5"
SHADES = ("#12395b", "#2f6491", "#5b8db5", "#8fb3d0", "#b9d0e2", "#d5e3ee")
"""From dark to light: told apart in grey too."""
FONT = "'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
Drawing = tuple[float, list[str]]
"""How high it is, and its parts."""


def write(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: float = 12,
    bold: bool = False,
    ink: str = INK,
) -> str:
    """A line of text; `y` is its base."""
    weight = ' font-weight="700"' if bold else ""
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="{size}" '
        f'fill="{ink}"{weight}{at}>{escape(text)}</text>'
    )


def rect(
    x: float, y: float, width: float, height: float, fill: str, *, stroke: str | None = None
) -> str:
    """A filled rectangle."""
    edge = f' stroke="{stroke}"' if stroke else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}"{edge}/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, ink: str, *, width: float = 1) -> str:
    """A straight stroke."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{ink}" '
        f'stroke-width="{width}"/>'
    )


def breadth(text: str, size: float) -> float:
    """About how broad the text is: a Chinese character is a square, a letter half of one."""
    return sum(size if ord(char) > 0x2E7F else size * 0.58 for char in text)


def clipped(text: str, room: float, size: float) -> str:
    """The text, with an ellipsis where it has no room."""
    if breadth(text, size) <= room:
        return text
    kept = text
    while kept and breadth(kept + "…", size) > room:
        kept = kept[:-1]
    return kept + "…"
