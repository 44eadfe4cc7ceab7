"""Faults: rules that make chosen requests go wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from .request_log import Entry

_MATCHES = {"to", "method", "path", "chunk", "statement"}
_ACTIONS = {
    "status", "headers", "body", "delay", "drop", "cut", "corrupt", "rows", "links", "manifest",
    "expire_links", "replace_body",
}  # fmt: skip
_CHOICES = {"drop": ("before", "after", "mid"), "links": ("missing", "empty", "repeat")}


@dataclass
class Fault:
    """One rule: which requests, how many of them, and what happens to them."""

    id: str
    match: dict[str, Any]
    action: dict[str, Any]
    skip: int
    times: int | None
    fired: int = 0

    def takes(self, entry: Entry, statement: str | None) -> bool:
        """Count a request that matches and tell whether the rule fires on it."""
        if not self._matches(entry, statement):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.fired >= self.times:
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
            "fired": self.fired,
        }

    def _matches(self, entry: Entry, statement: str | None) -> bool:
        match = self.match
        return (
            match.get("to", entry["to"]) == entry["to"]
            and str(match.get("method", entry["method"])).upper() == entry["method"]
            and re.search(match.get("path", ""), entry["path"]) is not None
            and match.get("chunk", entry["chunk"]) == entry["chunk"]
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
        unknown = (set(match) - _MATCHES) | (set(action) - _ACTIONS)
        unknown |= set(body) - {"match", "action", "after", "times"}
        if unknown or not action:
            raise ValueError(f"a fault needs an action; unknown: {sorted(unknown)}")
        for name, choices in _CHOICES.items():
            if name in action and action[name] not in choices:
                raise ValueError(f"{name} takes one of {choices}")
        for name in ("path", "statement"):
            re.compile(match.get(name, ""))
        rule = Fault(str(next(self._ids)), match, action, body.get("after", 0), body.get("times"))
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


async def delay(action: dict[str, Any]) -> None:
    """Wait as long as the action says."""
    if "delay" in action:
        seconds = action["delay"]
        low, high = seconds if isinstance(seconds, list) else (seconds, seconds)
        await asyncio.sleep(random.uniform(low, high))  # noqa: S311


async def before(request: web.Request, action: dict[str, Any]) -> web.StreamResponse | None:
    """What happens instead of handling the request."""
    await delay(action)
    if action.get("drop") == "before":
        return _dropped(request)
    if "status" in action:
        return _refusal(action)
    return None


async def after(
    request: web.Request, action: dict[str, Any], response: web.Response
) -> web.StreamResponse:
    """What happens to the answer of a handled request."""
    if action.get("drop") == "after":
        return _dropped(request)
    body = response.body if isinstance(response.body, bytes) else b""
    changed = _changed(body, action)
    if changed is not body:
        response.body = changed
    if action.get("drop") == "mid":
        return await _half(request, response, changed)
    return response


def _changed(body: bytes, action: dict[str, Any]) -> bytes:
    if "replace_body" in action:
        body = _bytes(action["replace_body"])
    if "cut" in action:
        cut = action["cut"]
        body = body[: int(len(body) * cut) if isinstance(cut, float) else cut]
    if "corrupt" in action and body:
        offset = action["corrupt"]
        place = (int(len(body) * offset) if isinstance(offset, float) else offset) % len(body)
        body = body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]
    return body


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _refusal(action: dict[str, Any]) -> web.Response:
    message = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "The service is unavailable."}
    body = action.get("body", message)
    kind = "text/html" if isinstance(body, str) else "application/json"
    headers = {"content-type": kind, **action.get("headers", {})}
    return web.Response(status=action["status"], body=_bytes(body), headers=headers)


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _half(request: web.Request, response: web.Response, body: bytes) -> web.StreamResponse:
    half = web.StreamResponse(status=response.status, headers=response.headers)
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    _dropped(request)
    return half
