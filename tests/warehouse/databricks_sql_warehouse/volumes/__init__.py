"""Volumes: files by SQL, by presigned URLs and by the Files API."""

from .api import Files
from .commands import VolumeCommands
from .store import Volumes

__all__ = ["Files", "VolumeCommands", "Volumes"]
