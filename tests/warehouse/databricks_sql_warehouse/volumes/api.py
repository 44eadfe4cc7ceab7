"""The file endpoints of the workspace, and the storage side of what they and SQL hand out."""

from __future__ import annotations

import uuid
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from databricks_sql_warehouse import transfer
from databricks_sql_warehouse.errors import ApiError, bad_request
from databricks_sql_warehouse.links import refused

from .store import VolumeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from databricks_sql_warehouse.links import Links
    from databricks_sql_warehouse.settings import Settings

    from .store import Entry, Place, Volumes

_FS = "/api/2.0/fs"
_PIECE = 1024 * 1024
_MOST_ENTRIES = 1000


class Files:
    """Handlers of `/api/2.0/fs/`, and of `/Volumes/` on the storage."""

    def __init__(self, volumes: Volumes, links: Links, settings: Settings) -> None:
        self._volumes = volumes
        self._links = links
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """The routes of the workspace."""
        file, directory = _FS + "/files{path:/.*}", _FS + "/directories{path:/.*}"
        return [
            web.post(_FS + "/create-{kind:upload|download|delete}-url", self._create_url),
            web.get(_FS + "/list", self._list),
            web.get(file, self._download),
            web.put(file, self._upload),
            web.delete(file, self._delete),
            web.get(directory, self._contents),
            web.put(directory, self._create_directory),
            web.delete(directory, self._delete_directory),
        ]

    def storage_routes(self) -> list[web.RouteDef]:
        """The routes of the storage."""
        path = "/{path:(?:Volumes|volumes)/.*}"
        return [
            web.get(path, self._get_object),
            web.put(path, self._put_object),
            web.delete(path, self._delete_object),
        ]

    # -- by presigned URL

    async def _create_url(self, request: web.Request) -> web.Response:
        path = (await request.json()).get("path")
        if not isinstance(path, str):
            raise bad_request("path is required.")
        method = {"upload": "PUT", "download": "GET", "delete": "DELETE"}[
            request.match_info["kind"]
        ]
        link = self._links.sign(self._place(path).path, method=method)
        document: dict[str, Any] = {"url": link.url}
        if headers := self._settings.volume_headers:
            document["headers"] = [{"name": key, "value": headers[key]} for key in headers]
        return web.json_response(document)

    async def _list(self, request: web.Request) -> web.Response:
        place = self._place(request.query.get("path", ""))
        if not place.is_directory:
            raise _not_found("The directory being accessed is not found.")
        files = [
            {
                "path": each.path.rstrip("/"),
                "is_dir": each.is_directory,
                "file_size": each.size,
                "modification_time": each.modified,
                "name": each.name.rstrip("/"),
            }
            for each in place.entries()
        ]
        return web.json_response({"files": files} if files else {})

    async def _get_object(self, request: web.Request) -> web.StreamResponse:
        place = self._object(request)
        if isinstance(place, web.Response):
            return place
        return await transfer.serve(request, transfer.Stored(place.file), _file_headers(place))

    async def _put_object(self, request: web.Request) -> web.StreamResponse:
        place = self._object(request, there=False)
        if isinstance(place, web.Response):
            return place
        await place.write(_sent(request), request.content_length)
        return web.Response(status=self._settings.upload_status)

    async def _delete_object(self, request: web.Request) -> web.StreamResponse:
        place = self._object(request)
        if isinstance(place, web.Response):
            return place
        place.file.unlink()
        return web.Response(status=204)

    def _object(self, request: web.Request, *, there: bool = True) -> web.Response | Place:
        refusal = self._links.refusal(request, self._settings.volume_headers or {})
        if refusal is not None:
            return refusal
        missing = refused(404, "NoSuchKey", "The specified key does not exist.")
        try:
            place = self._volumes.place(request.path)
        except VolumeError:
            return missing
        return missing if there and not place.is_file else place

    # -- by the Files API

    async def _download(self, request: web.Request) -> web.StreamResponse:
        place = self._file(request)
        return await transfer.serve(request, transfer.Stored(place.file), _file_headers(place))

    async def _upload(self, request: web.Request) -> web.Response:
        place = self._place(request.match_info["path"])
        if place.is_directory:
            raise bad_request("The path is that of a directory.")
        if place.is_file and request.query.get("overwrite", "").lower() != "true":
            raise ApiError(409, "ALREADY_EXISTS", "The file being created already exists.")
        await place.write(_sent(request), request.content_length)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        self._file(request).file.unlink()
        return web.Response(status=204)

    async def _contents(self, request: web.Request) -> web.Response:
        place = self._directory(request)
        if request.method == "HEAD":
            return web.Response()
        start = int(request.query.get("page_token", "0"))
        size = min(int(request.query.get("page_size", "0")) or _MOST_ENTRIES, _MOST_ENTRIES)
        entries = place.entries()
        document: dict[str, Any] = {
            "contents": [_content(each) for each in entries[start : start + size]]
        }
        if start + size < len(entries):
            document["next_page_token"] = str(start + size)
        return web.json_response(document)

    async def _create_directory(self, request: web.Request) -> web.Response:
        place = self._place(request.match_info["path"])
        if place.is_file:
            raise ApiError(409, "ALREADY_EXISTS", "A file of that path exists.")
        place.file.mkdir(parents=True, exist_ok=True)
        return web.Response(status=204)

    async def _delete_directory(self, request: web.Request) -> web.Response:
        place = self._directory(request)
        if place.entries():
            raise bad_request("The directory being deleted is not empty.")
        place.file.rmdir()
        return web.Response(status=204)

    def _file(self, request: web.Request) -> Place:
        place = self._place(request.match_info["path"])
        if not place.is_file:
            raise _not_found("The file being accessed is not found.")
        return place

    def _directory(self, request: web.Request) -> Place:
        place = self._place(request.match_info["path"])
        if not place.is_directory:
            raise _not_found("The directory being accessed is not found.")
        return place

    def _place(self, path: str) -> Place:
        try:
            return self._volumes.place(path)
        except VolumeError as error:
            if error.missing:
                raise _not_found(str(error), unity=True) from error
            raise bad_request(str(error)) from error


async def _sent(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_chunked(_PIECE):
        yield piece


def _file_headers(place: Place) -> dict[str, str]:
    return {
        "content-type": "application/octet-stream",
        "last-modified": formatdate(place.file.stat().st_mtime, usegmt=True),
    }


def _content(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "is_directory": entry.is_directory,
        "file_size": entry.size,
        "last_modified": entry.modified,
        "name": entry.name.rstrip("/"),
    }


class _FileError(ApiError):
    """An error of the file endpoints, whose details name them."""

    def body(self) -> dict[str, object]:
        """The JSON document of the answer."""
        more = {"unity_catalog_error_message": self.message} if self.reason else {}
        return {
            "error_code": self.error_code,
            "message": self.message,
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "FILES_API_RESOURCE_NOT_FOUND",
                    "domain": "filesystem.databricks.com",
                    "metadata": more,
                },
                {
                    "@type": "type.googleapis.com/google.rpc.RequestInfo",
                    "request_id": str(uuid.uuid4()),
                    "serving_data": "",
                },
            ],
        }


def _not_found(message: str, *, unity: bool = False) -> ApiError:
    return _FileError(404, "NOT_FOUND", message, reason="UNITY_CATALOG" if unity else None)
