"""The Warehouses API: there is one warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from .errors import not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Settings

_PATH = "/api/2.0/sql/warehouses"


class Warehouses:
    """Handlers of the paths below `/api/2.0/sql/warehouses`."""

    def __init__(
        self, warehouse_id: str, address: Callable[[], tuple[str, int]], settings: Settings
    ) -> None:
        self._id = warehouse_id
        self._address = address
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        one = _PATH + "/{warehouse}"
        return [
            web.get(_PATH, self._list),
            web.get(one, self._get),
            web.post(one + "/start", self._start),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"warehouses": [self._document()]})

    async def _get(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response(self._document())

    async def _start(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response({})

    def _check(self, request: web.Request) -> None:
        asked = request.match_info["warehouse"]
        if asked != self._id:
            raise not_found(f"SQL warehouse {asked} does not exist.")

    def _document(self) -> dict[str, Any]:
        host, port = self._address()
        path = f"/sql/1.0/warehouses/{self._id}"
        return {
            "id": self._id,
            "name": "local",
            "cluster_size": "2X-Small",
            "min_num_clusters": 1,
            "max_num_clusters": 1,
            "num_clusters": 1,
            "auto_stop_mins": 0,
            "state": self._settings.warehouse_state,
            "warehouse_type": "PRO",
            "enable_photon": True,
            "enable_serverless_compute": False,
            "odbc_params": {"hostname": host, "path": path, "protocol": "https", "port": port},
        }
