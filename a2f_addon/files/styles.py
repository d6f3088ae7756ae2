"""Talking styles as TOML: those that come with the add-on, and anybody's own.

A file holds a ``description``, the rates of the eyes, and under ``[channels]`` a line a shape, such as
``jawOpen = { rest = 0.02, spread = 0.11, speed = 0.9 }``. With ``relative = true`` spread and speed are factors on a performance's own, and rest is
added to it. A style that is partly figures and partly factors, as a blend may be, has the factors of all three under ``[factors]``.

For a shape's name a region may stand: jaw, lips, brows, cheeks, head; a shape's own line comes before its region's.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ..errors import OutputError, SettingError
from ..face import arkit
from ..face.curves import FaceCurves
from ..face.style import FREE, NONE, Moves, Style, measure
from . import livelink
from .writing import whole

FOLDER = Path(__file__).parents[1] / "data" / "styles"
JAW = ("jawForward", "jawRight", "jawLeft", "jawOpen")
REGIONS = {
    "jaw": JAW,
    "lips": tuple(name for name in FREE if name in arkit.MOUTH and name not in JAW),
    "brows": arkit.BROWS,
    "cheeks": arkit.CHEEKS_AND_NOSE,
    "head": arkit.HEAD,
}
RATES = ("blinks_per_minute", "looks_per_minute")


def names() -> tuple[str, ...]:
    """The styles that come with the add-on, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read(name: str | Path) -> Style:
    """A style that comes with the add-on, by name, or anybody's own, by path. Raises SettingError for one that is not there or is none."""
    own = str(name).endswith(".toml")
    if not own and str(name) not in names():
        raise SettingError(f"There is no style '{name}'; there are {', '.join(names())}, or name a .toml file of your own.")
    try:
        found = tomllib.loads((Path(name) if own else FOLDER / f"{name}.toml").read_text("utf-8"))
        return _style(found)
    except FileNotFoundError:
        raise SettingError(f"There is no style file '{name}'; check its name and folder.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"The style '{name}' cannot be read ({error}); it must be a TOML file.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingError(f"'{name}' is no style ({error}); it needs [channels] with a rest, a spread and a speed each.") from error
    except SettingError as error:
        raise SettingError(f"The style '{name}' cannot be used: {error}") from error


def write(path: Path, style: Style) -> None:
    """A style as a file of one's own, whole or not at all. Raises OutputError where it cannot be written and for a name that is no .toml."""
    if Path(path).suffix != ".toml":
        raise OutputError(f"A style is kept in a .toml file; '{path}' is none.")
    with whole(Path(path)) as file:
        # A TOML text between these quotes has the escapes of a Python or JSON one.
        description = style.description.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        file.write(f'description = "{description}"\n')
        relative = _relative(style)
        if relative:
            file.write("relative = true\n")
        for rate in RATES:
            if getattr(style, rate) is not None:
                file.write(f"{rate} = {getattr(style, rate):.3f}\n")
        tables = {"channels": relative} if relative else {"channels": style.channels, "factors": style.factors}
        for title, table in tables.items():
            file.writelines([f"\n[{title}]\n", *map(_line, table.items())] if table else [])


def _line(entry: tuple[str, Moves]) -> str:
    name, moves = entry
    return f"{name} = {{ rest = {moves.rest:.6f}, spread = {moves.spread:.6f}, speed = {moves.speed:.6f} }}\n"


def _relative(style: Style) -> dict[str, Moves]:
    """A style's lines where ``relative = true`` says all of it, else none."""
    pairs = {name: (style.channels[name], style.factors.get(name, NONE)) for name in style.channels}
    if not all(abs(factor.rest - 1) < 1e-9 and added.spread == added.speed == 0 for added, factor in pairs.values()):
        return {}
    return {name: Moves(added.rest, factor.spread, factor.speed) for name, (added, factor) in pairs.items()}


def of_capture(path: Path) -> Style:
    """The style of a performance in a Live Link Face CSV. Raises OutputError for a file that is none, and SettingError for too little in it."""
    return of_curves(livelink.read(path), name=Path(path).name)


def of_curves(curves: FaceCurves, *, name: str) -> Style:
    """The style of a performance that has a name. Raises SettingError, with the name, for one that is too short or does not move."""
    try:
        return measure(curves, description=f"Measured from {name}")
    except SettingError as error:
        raise SettingError(f"'{name}' cannot be measured: {error}") from error


def _style(found: dict[str, Any]) -> Style:
    channels, factors = _moves(found["channels"]), _moves(found.get("factors", {}))
    if found.get("relative", False):
        factors = {name: Moves(1.0, moves.spread, moves.speed) for name, moves in channels.items()}
        channels = {name: Moves(moves.rest, 0.0, 0.0) for name, moves in channels.items()}
    rates = [None if rate not in found else float(found[rate]) for rate in RATES]
    return Style(channels, str(found.get("description", "")), factors, *rates)


def _moves(table: dict[str, Any]) -> dict[str, Moves]:
    regions = {shape: table[region] for region, shapes in REGIONS.items() if region in table for shape in shapes}
    single = {name: moves for name, moves in table.items() if name not in REGIONS}
    return {name: Moves(*(float(moves[part]) for part in Moves._fields)) for name, moves in (regions | single).items()}
