"""Faults: rules that make chosen requests go wrong."""

from __future__ import annotations

import itertools
import random
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import fault_actions

if TYPE_CHECKING:
    from .request_log import Entry

_MATCHES = {"to", "method", "path", "chunk", "statement", "session_id", "statement_id"}
_WHEN = {"after", "times", "every", "lasting", "probability", "seed"}


@dataclass
class Fault:
    """One rule: which requests, how many of them, and what happens to them."""

    id: str
    match: dict[str, Any]
    action: dict[str, Any]
    skip: int
    times: int | None
    every: int = 1
    lasting: float | None = None
    probability: float = 1.0
    dice: random.Random = field(default_factory=random.Random)
    seen: int = 0
    fired: int = 0
    began: float | None = None

    def takes(self, entry: Entry, statement: str | None) -> bool:
        """Count a request that matches and tell whether the rule fires on it."""
        if not self._matches(entry, statement):
            return False
        self.seen += 1
        if not self._is_due():
            return False
        self.fired += 1
        return True

    def document(self) -> dict[str, Any]:
        """The rule as the admin API shows it."""
        return {
            "id": self.id,
            "match": self.match,
            "action": self.action,
            "times": self.times,
            "seen": self.seen,
            "fired": self.fired,
        }

    def _is_due(self) -> bool:
        number = self.seen - self.skip
        if number <= 0 or number % self.every != 0:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        if self.lasting is not None:
            now = time.monotonic()
            self.began = now if self.began is None else self.began
            if now - self.began > self.lasting:
                return False
        return self.dice.random() < self.probability

    def _matches(self, entry: Entry, statement: str | None) -> bool:
        match = self.match
        return (
            all(
                match.get(name, entry[name]) == entry[name]
                for name in ("to", "chunk", "session_id", "statement_id")
            )
            and str(match.get("method", entry["method"])).upper() == entry["method"]
            and re.search(match.get("path", ""), entry["path"]) is not None
            and re.search(match.get("statement", ""), statement or "") is not None
        )


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, body: dict[str, Any]) -> Fault:
        """Put a rule in force; a malformed one is a ValueError."""
        match, action = body.get("match") or {}, body.get("action") or {}
        unknown = (set(match) - _MATCHES) | (set(body) - {"match", "action"} - _WHEN)
        if unknown or not action:
            raise ValueError(f"a fault needs an action; unknown: {sorted(unknown)}")
        fault_actions.check(action)
        for name in ("path", "statement"):
            try:
                re.compile(match.get(name, ""))
            except re.error as error:
                raise ValueError(f"{name} is not a regular expression: {error}") from error
        rule = Fault(
            str(next(self._ids)),
            match,
            action,
            skip=body.get("after") or 0,
            times=body.get("times"),
            every=body.get("every") or 1,
            lasting=body.get("lasting"),
            probability=1.0 if body.get("probability") is None else body["probability"],
            dice=random.Random(body.get("seed")),  # noqa: S311
        )
        self._rules[rule.id] = rule
        return rule

    def remove(self, rule_id: str | None) -> bool:
        """Remove one rule, or all; False when there is no such rule."""
        if rule_id is not None:
            return self._rules.pop(rule_id, None) is not None
        self._rules.clear()
        return True

    def documents(self) -> list[dict[str, Any]]:
        """The rules as the admin API shows them."""
        return [rule.document() for rule in self._rules.values()]

    def actions(self, entry: Entry, statement: str | None) -> dict[str, Any]:
        """What happens to a request: the actions of all rules that fire on it."""
        found: dict[str, Any] = {}
        for rule in list(self._rules.values()):
            if rule.takes(entry, statement):
                entry["faults"].append(rule.id)
                found |= rule.action
        return found
