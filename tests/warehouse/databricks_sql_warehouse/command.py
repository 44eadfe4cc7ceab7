"""What the commands have in common: their context, and the names in their patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .catalog import Catalog
from .tables import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from .declarations import Declarations
    from .engine import Engine, Outcome, Run
    from .sessions import Session
    from .settings import Settings

    Command = Callable[[re.Match[str], "Context"], Outcome]

PATH = rf"{NAME}(?:\s*\.\s*{NAME})*"
LIKE = r"(?:\s+(?:LIKE\s+)?'(?P<like>(?:[^'\\]|''|\\.)*)')?"


@dataclass
class Context:
    """A statement and all that it may touch."""

    statement: str
    session: Session
    run: Run
    engine: Engine
    settings: Settings

    @property
    def declarations(self) -> Declarations:
        """What was declared of tables and routines."""
        return self.engine.declarations

    @cached_property
    def catalog(self) -> Catalog:
        """What there is."""
        return Catalog(self.run, self.engine.declarations)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern of a command; one space stands for any white space."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)
