"""Interval literals: from the text and qualifier of Databricks to calls that DuckDB knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from .errors import sql_error

_FIELDS = ("DAY", "HOUR", "MINUTE", "SECOND")
_MICROS = {
    "WEEK": 604_800_000_000,
    "DAY": 86_400_000_000,
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1000,
    "MICROSECOND": 1,
}
_COARSER = {"WEEK": "DAY", "MILLISECOND": "SECOND", "MICROSECOND": "SECOND"}


@dataclass(frozen=True)
class Interval:
    """A year-month interval in months or a day-time interval in microseconds."""

    months: int = 0
    micros: int = 0

    def expression(self) -> exp.Expr:
        """The DuckDB expression of this value."""
        if self.months:
            return _call("to_months", self.months)
        sign = -1 if self.micros < 0 else 1
        days, rest = divmod(abs(self.micros), _MICROS["DAY"])
        parts = _call("to_days", sign * days), _call("to_microseconds", sign * rest)
        return exp.paren(exp.Add(this=parts[0], expression=parts[1]), copy=False)


def _call(name: str, value: int) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[exp.Literal.number(value)])


def unit_names(unit: exp.Expr | None) -> str:
    """`YEAR TO MONTH`, `DAYS` and so on, from the parsed unit of an interval, plural removed."""
    if isinstance(unit, exp.IntervalSpan):
        return f"{unit_names(unit.this)} TO {unit_names(unit.expression)}"
    name = unit.name.upper() if unit else "DAY TO SECOND"
    return name.removesuffix("S")


def qualifier_of(units: str) -> str:
    """The qualifier a type has: the service knows no weeks, milliseconds and microseconds."""
    return _COARSER.get(units, units)


def parse(text: str, units: str) -> Interval:
    """The value of `INTERVAL 'text' units`."""
    text = text.strip()
    if units == "YEAR TO MONTH":
        if match := re.fullmatch(r"([+-]?)(\d+)-(\d+)", text):
            months = int(match[2]) * 12 + int(match[3])
            return Interval(months=-months if match[1] == "-" else months)
    elif units in ("YEAR", "MONTH"):
        if re.fullmatch(r"[+-]?\d+", text):
            return Interval(months=int(text) * (12 if units == "YEAR" else 1))
    elif " TO " in units:
        if (micros := _day_time(text, units)) is not None:
            return Interval(micros=micros)
    elif units in _MICROS and re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return Interval(micros=int(Decimal(text) * _MICROS[units]))
    raise sql_error(
        "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING",
        f"Error parsing '{text}' to interval: the text does not match INTERVAL {units}.",
        "22006",
    )


def _day_time(text: str, units: str) -> int | None:
    first, last = units.split(" TO ")
    fields = _FIELDS[_FIELDS.index(first) : _FIELDS.index(last) + 1]
    patterns = [r"(\d+(?:\.\d+)?)" if name == "SECOND" else r"(\d+)" for name in fields]
    separators = [" " if name == "DAY" else ":" for name in fields[:-1]]
    joined = "".join(p + s for p, s in zip(patterns, [*separators, ""], strict=True))
    match = re.fullmatch(f"([+-]?){joined}", text)
    if match is None:
        return None
    parts = zip(match.groups()[1:], fields, strict=True)
    micros = sum(int(Decimal(value) * _MICROS[name]) for value, name in parts)
    return -micros if match[1] == "-" else micros


def text(value: Interval, qualifier: str) -> str:
    """`INTERVAL '1 02:03:04.5' DAY TO SECOND`: an interval as a string."""
    first, _, last = qualifier.partition(" TO ")
    sign = "-" if value.months < 0 or value.micros < 0 else ""
    if first in ("YEAR", "MONTH"):
        years, months = divmod(abs(value.months), 12)
        shown = {"YEAR": f"{years}", "MONTH": f"{abs(value.months)}"}.get(qualifier)
        return f"INTERVAL '{sign}{shown or f'{years}-{months}'}' {qualifier}"
    rest, written = abs(value.micros), ""
    for name in _FIELDS[_FIELDS.index(first) : _FIELDS.index(last or first) + 1]:
        count, rest = divmod(rest, _MICROS[name])
        separator = "" if name == first else " " if name == "HOUR" else ":"
        fraction = f".{rest:06}".rstrip("0").rstrip(".") if name == "SECOND" else ""
        written += separator + (f"{count}" if name == "DAY" else f"{count:02}") + fraction
    return f"INTERVAL '{sign}{written}' {qualifier}"


def translate(tree: exp.Expr) -> exp.Expr:
    """Replace interval literals, casts and types below `tree` by what DuckDB takes."""
    return tree.transform(_translate_node, copy=False)


def _translate_node(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal):
        return parse(node.this.name, unit_names(node.args.get("unit"))).expression()
    if isinstance(node, exp.Cast) and isinstance(node.to.this, exp.Interval):
        units = unit_names(node.to.this.args.get("unit"))
        if isinstance(node.this, exp.Literal) and node.this.is_string:
            return parse(node.this.name, units).expression()
    if isinstance(node, exp.DataType) and isinstance(node.this, exp.Interval):
        return exp.DataType(this=exp.DataType.Type.INTERVAL)
    return node
