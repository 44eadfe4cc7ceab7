"""GEOMETRY and GEOGRAPHY: EWKT text with a type that says the reference system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from .errors import sql_error

if TYPE_CHECKING:
    from collections.abc import Callable

GEOGRAPHY_SRID = 4326
_EWKT = re.compile(r"(?is)\s*(?:SRID\s*=\s*(?P<srid>\d+)\s*;)?\s*(?P<wkt>.*?)\s*")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POSITION = rf"{_NUMBER}(?:\s+{_NUMBER}){{1,3}}"
_SHAPES = ("POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON")
_SHAPE = re.compile(
    rf"(?i)(?:{'|'.join(_SHAPES)}|GEOMETRYCOLLECTION)\s*(?:ZM|Z|M)?\s*(?:EMPTY|\(.*\))", re.DOTALL
)
_POINT = re.compile(rf"(?i)POINT\s*(?:ZM|Z|M)?\s*(?:EMPTY|\(\s*{_POSITION}\s*\))")


def type_text(kind: exp.DataType) -> str:
    """`GEOMETRY(srid)` or `GEOGRAPHY(srid)` as a manifest spells the written type."""
    name = kind.this.name
    written = kind.expressions[0].name if kind.expressions else None
    default = str(GEOGRAPHY_SRID) if name == "GEOGRAPHY" else "0"
    return f"{name}({(written or default).upper()})"


def _srid_of(node: exp.Expr, position: int) -> str:
    arguments = list(node.iter_expressions())
    literal = arguments[position] if len(arguments) > position else None
    return literal.name if isinstance(literal, exp.Literal) else "0"


def _geometry(position: int) -> Callable[[exp.Expr], str]:
    return lambda node: f"GEOMETRY({_srid_of(node, position)})"


def _geography(_: exp.Expr) -> str:
    return f"GEOGRAPHY({GEOGRAPHY_SRID})"


def _any_geometry(_: exp.Expr) -> str:
    return "GEOMETRY(ANY)"


# Functions that give a geospatial value, by the type that they give.
FUNCTION_TYPES: dict[str, Callable[[exp.Expr], str]] = {
    "st_geomfromtext": _geometry(1),
    "st_geomfromwkt": _geometry(1),
    "st_geometryfromtext": _geometry(1),
    "st_point": _geometry(2),
    "st_makepoint": _geometry(2),
    "st_setsrid": _geometry(1),
    "st_geomfromewkt": _any_geometry,
    "to_geometry": _any_geometry,
    "try_to_geometry": _any_geometry,
    "st_geogfromtext": _geography,
    "st_geogfromwkt": _geography,
    "st_geogfromewkt": _geography,
    "to_geography": _geography,
    "try_to_geography": _geography,
}


def ewkt(text: str, srid: int | None) -> str:
    """The EWKT of WKT or EWKT text, in the reference system `srid` where the text names none."""
    match = _EWKT.fullmatch(text)
    shape = match["wkt"] if match else text
    point = shape[:5].upper() == "POINT"
    if match is None or not (_POINT if point else _SHAPE).fullmatch(shape):
        raise ValueError(
            f"[WKT_PARSE_ERROR] Error parsing WKT: invalid shape in '{text}'. SQLSTATE: 22023"
        )
    found = int(match["srid"]) if match["srid"] else srid or 0
    tagged = re.sub(r"\s*\(\s*", "(", shape.upper(), count=1)
    return f"SRID={found};{tagged}" if found else tagged


def srid(text: str) -> int:
    """The reference system that EWKT names; 0 for none."""
    match = _EWKT.fullmatch(text)
    return int(match["srid"]) if match and match["srid"] else 0


def wkt(text: str) -> str:
    """The WKT of EWKT."""
    match = _EWKT.fullmatch(text)
    return match["wkt"] if match else text


def srid_of_type(text: str) -> int | None:
    """The reference system that a type fixes."""
    match = re.search(r"\((\d+)\)", text)
    return int(match[1]) if match else None


def mixed(text: str, wanted: int) -> Exception:
    """A value in another reference system than its column."""
    return sql_error(
        "GEO_ENCODER_SRID_INVALID_VALUE",
        f"The SRID of '{text}' is not {wanted}.",
        "22023",
    )
