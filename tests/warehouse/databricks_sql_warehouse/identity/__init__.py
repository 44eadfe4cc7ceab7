"""Identity: who may call the warehouse, and every way to obtain a token for it."""

from .endpoints import Identity

__all__ = ["Identity"]
