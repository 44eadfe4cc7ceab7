"""The volumes and the files in them, on disk."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEFAULT = ("main", "default", "files")


class VolumeError(Exception):
    """A path that is no place in a volume, or a volume that is not there."""

    def __init__(
        self, message: str, *, missing: bool = False, condition: str = "INVALID_VOLUME_PATH"
    ) -> None:
        super().__init__(message)
        self.missing = missing
        self.condition = condition


@dataclass(frozen=True)
class Entry:
    """A file or directory as listings show it; `path` begins with /Volumes."""

    path: str
    name: str
    is_directory: bool
    size: int
    modified: int


@dataclass(frozen=True)
class Place:
    """A place in a volume: its path as the client writes it, and the file on disk."""

    path: str
    file: Path
    parts: Path

    @property
    def is_file(self) -> bool:
        """Whether a file is there."""
        return self.file.is_file()

    @property
    def is_directory(self) -> bool:
        """Whether a directory is there."""
        return self.file.is_dir()

    def entries(self) -> list[Entry]:
        """What is in the directory, by name; directories end in a slash."""
        found = []
        for child in sorted(self.file.iterdir()):
            status = child.stat()
            slash = "/" if child.is_dir() else ""
            found.append(
                Entry(
                    f"{self.path.rstrip('/')}/{child.name}{slash}",
                    child.name + slash,
                    child.is_dir(),
                    0 if child.is_dir() else status.st_size,
                    int(status.st_mtime * 1000),
                )
            )
        return found

    async def write(self, pieces: AsyncIterator[bytes], expected: int | None) -> None:
        """Put a file there once all its bytes have come."""
        with tempfile.NamedTemporaryFile(dir=self.parts) as part:
            async for piece in pieces:
                part.write(piece)
            if expected not in (None, part.tell()):
                raise ConnectionResetError("the upload ended early")
            part.flush()
            self._keep(part.name)

    def _keep(self, part: str) -> None:
        """Give a finished part its name; the part itself goes away by its own."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        linked = Path(f"{part}.whole")
        linked.hardlink_to(part)
        linked.replace(self.file)


class Volumes:
    """All volumes, below one directory."""

    def __init__(self, directory: Path, user: str) -> None:
        self.user = user
        self._directory = directory / "volumes"
        self._parts = directory / "parts"
        self._parts.mkdir()
        self.create(*DEFAULT)

    def create(self, catalog: str, schema: str, name: str) -> bool:
        """Make a volume; False when there is one of that name."""
        place = self._directory / catalog / schema / name
        if place.is_dir():
            return False
        place.mkdir(parents=True)
        return True

    def drop(self, catalog: str, schema: str, name: str) -> bool:
        """Remove a volume with its files; False when there is none of that name."""
        place = self._directory / catalog / schema / name
        if not place.is_dir():
            return False
        shutil.rmtree(place)
        return True

    def names(self, catalog: str, schema: str) -> list[str]:
        """The volumes of a schema."""
        place = self._directory / catalog / schema
        return sorted(child.name for child in place.iterdir()) if place.is_dir() else []

    def place(self, path: str) -> Place:
        """The place that a path of a client means."""
        if "://" in path:
            path = self._staged(path)
        parts = path.removeprefix("dbfs:").rstrip("/").split("/")
        if len(parts) < 5 or parts[0] or parts[1].lower() != "volumes":
            raise VolumeError(f"Invalid path: {path} is not a path in a volume.")
        if any(part in ("", ".", "..") or "\0" in part for part in parts[2:]):
            raise VolumeError(f"Invalid path: {path} has empty or relative parts.")
        names = [part.lower() for part in parts[2:5]]
        root = self._directory.joinpath(*names)
        if not (self._directory / names[0]).is_dir():
            raise VolumeError(f"NOT_FOUND: Catalog '{names[0]}' does not exist.", missing=True)
        if not root.is_dir():
            raise VolumeError(f"Volume '{'.'.join(names)}' does not exist.", missing=True)
        return Place("/".join(parts), root.joinpath(*parts[5:]), self._parts)

    def _staged(self, path: str) -> str:
        """The path in a volume that stands for one of the user's staging area."""
        scheme, _, rest = path.partition("://")
        area, _, rest = rest.partition("/")
        if (scheme, area) != ("stage", "tmp"):
            text = f"Invalid staging path in staging access query: {path}"
            condition = "INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY"
            raise VolumeError(text, condition=condition)
        user, _, rest = rest.partition("/")
        if user != self.user:
            text = f"PERMISSION_DENIED: User does not have access to the staging area of {user}."
            raise VolumeError(text, condition="STAGING_ACCESS_DENIED")
        self.create("stage", "tmp", user)
        return f"/Volumes/stage/tmp/{user}/{rest}"

    def documents(self) -> list[dict[str, Any]]:
        """Every file as the admin API shows it."""
        root = self._directory
        return [
            {"path": f"/Volumes/{file.relative_to(root)}", "size": file.stat().st_size}
            for file in sorted(root.rglob("*"))
            if file.is_file()
        ]
