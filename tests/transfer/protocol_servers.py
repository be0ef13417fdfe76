"""Servers that list threads, each with ways of its own, on real sockets.

``World`` is what one stores. ``ProtocolServer`` answers as the protocol says; its subclasses answer
as other servers do. ``interferes`` is asked before each answer and may give another.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Document = dict[str, Any]


class World:
    """Assistants, files, stores, and threads with messages, runs and steps; oldest first."""

    def __init__(self, threads: int = 3, messages: int = 4) -> None:
        self.assistants = [
            {"id": "asst_b", "created_at": 10, "name": "B", "tools": [{"type": "azure_ai_search"}]},
            {"id": "asst_a", "created_at": 10, "name": "A", "tools": []},
        ]
        self.contents = {"file-1": b"one", "file-2": b"\x00" * 70_000}
        self.files = [
            {"id": id_, "created_at": 11, "bytes": len(content), "filename": f"{id_}.txt",
             "purpose": "assistants"}
            for id_, content in self.contents.items()
        ]  # fmt: skip
        self.vector_stores = [{"id": "vs_1", "created_at": 12, "name": "V"}]
        self.store_files = {"vs_1": [{"id": "file-1", "created_at": 13, "status": "completed"}]}
        self.threads: list[Document] = []
        self.messages: dict[str, list[Document]] = {}
        self.runs: dict[str, list[Document]] = {}
        self.steps: dict[str, list[Document]] = {}
        for number in range(threads):
            id_ = f"thread_{number:04}"
            start = 1_700_000_000 + 100 * number
            self.threads.append({"id": id_, "created_at": start, "metadata": {}})
            self.messages[id_] = [
                self.message(f"msg_{number}_{place}", start + place // 2, place)
                for place in range(messages)
            ]
            run = f"run_{number}"
            self.runs[id_] = [{"id": run, "created_at": start + 1, "status": "completed"}]
            self.steps[run] = [
                {"id": f"step_{number}", "created_at": start + 1, "type": "tool_calls",
                 "step_details": {"type": "tool_calls", "tool_calls": [{"type": "mcp", "id": "c"}]}}
            ]  # fmt: skip

    @staticmethod
    def message(id_: str, created_at: int, place: int) -> Document:
        """A message; those of odd places are the assistant's."""
        text = {"value": f"Text {place} ü", "annotations": []}
        return {
            "id": id_,
            "created_at": created_at,
            "role": "assistant" if place % 2 else "user",
            "content": [{"type": "text", "text": text}],
        }


class ProtocolServer:
    """Serves a world as the protocol says; within a ``with`` block.

    Attributes:
        requests: Path and query of each request, in order.
        interferes: Called with the number of a request and its path; returns ``None``, or status,
            headers and body, or ``"cut"``, which breaks the connection within the response.
    """

    prefix = "/v1"

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.interferes: Callable[[int, str], Any] = lambda number, path: None
        self._lock = threading.Lock()
        ours = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                ours._serve(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    def __enter__(self) -> Any:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        path = url.path.removeprefix(self.prefix)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with self._lock:
            self.requests.append((path, query))
            self.headers.append(dict(request.headers))
            number = len(self.requests)
        answer = self.interferes(number, path)
        cut = answer == "cut"
        status, headers, body = (
            answer if answer and not cut else self._answer(path, query, dict(request.headers))
        )
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if cut:
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            request.close_connection = True
            return
        request.wfile.write(content)

    # --- answers ----------------------------------------------------------------------------------

    def _answer(  # noqa: PLR0911 - a table
        self, path: str, query: dict[str, str], headers: dict[str, str]
    ) -> Any:
        """Status, headers and body of an answer."""
        parts = path.strip("/").split("/")
        world = self.world
        match parts:
            case ["assistants" | "files" | "vector_stores" | "threads" as noun]:
                return self._listed(noun, getattr(world, noun), query)
            case ["files", id_, "content"] if id_ in world.contents:
                return 200, {"Content-Type": "application/octet-stream"}, world.contents[id_]
            case ["vector_stores", id_, "files"] if id_ in world.store_files:
                return self._listed("vector_store_files", world.store_files[id_], query)
            case ["threads", id_] if id_ in world.messages:
                found = next(one for one in world.threads if one["id"] == id_)
                return 200, {}, self._shown("threads", found)
            case ["threads", id_, "messages"] if id_ in world.messages:
                return self._listed("messages", world.messages[id_], query)
            case ["threads", id_, "runs"] if id_ in world.messages:
                return self._listed("runs", world.runs[id_], query)
            case ["threads", _, "runs", id_] if id_ in world.steps:
                return 200, {}, self._shown("runs", {"id": id_})
            case ["threads", _, "runs", id_, "steps"] if id_ in world.steps:
                return self._listed("steps", world.steps[id_], query)
        return self._refused(404, f"there is no {path}")

    def _listed(self, noun: str, items: list[Document], query: dict[str, str]) -> Any:
        """A page of a list."""
        if query.get("order", "desc") == "desc":
            items = items[::-1]
        if "after" in query:
            ids = [one["id"] for one in items]
            if query["after"] not in ids:
                return self._refused(400, "there is no such cursor")
            items = items[ids.index(query["after"]) + 1 :]
        limit = int(query.get("limit", 20))
        page = [self._shown(noun, one) for one in items[:limit]]
        return 200, {}, self._page(page, len(items) > limit)

    def _page(self, items: list[Document], has_more: bool) -> Any:
        """The form of a page."""
        ids = [one["id"] for one in items]
        first, last = (ids[0], ids[-1]) if ids else (None, None)
        return {"object": "list", "data": items, "first_id": first, "last_id": last,
                "has_more": has_more}  # fmt: skip

    def _shown(self, noun: str, document: Document) -> Document:
        """The form of an object."""
        kinds = {"messages": "thread.message", "runs": "thread.run", "steps": "thread.run.step"}
        kinds["vector_store_files"] = "vector_store.file"
        shown = {**document, "object": kinds.get(noun, noun.removesuffix("s"))}
        if noun in ("messages", "runs"):
            number = document["id"].split("_")[1]
            shown["thread_id"] = f"thread_{int(number):04}"
        if noun == "steps":
            number = document["id"].split("_")[1]
            shown |= {"thread_id": f"thread_{int(number):04}", "run_id": f"run_{number}"}
        if noun == "vector_store_files":
            shown["vector_store_id"] = "vs_1"
        return shown

    def _refused(self, status: int, message: str) -> Any:
        """An error in the protocol's form."""
        return status, {}, {"error": {"message": message, "type": "invalid_request_error"}}


class Foundry(ProtocolServer):
    """Azure AI Foundry: an ``api-version``, a token that ends, tools under old names."""

    prefix = "/api/projects/sea"
    token = "token-1"

    def _answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Any:
        if query.get("api-version") != "v1":
            return self._refused(400, "Missing required query parameter: api-version")
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, {"error": {"code": "Unauthorized", "message": "The token expired."}}
        return super()._answer(path, query, headers)

    def _listed(self, noun: str, items: list[Document], query: dict[str, str]) -> Any:
        if noun == "files":  # whole, without a word about more
            return 200, {}, {"object": "list", "data": [self._shown(noun, one) for one in items]}
        return super()._listed(noun, items, query)

    def _shown(self, noun: str, document: Document) -> Document:
        if noun == "assistants":
            document = {**document, "tools": [{"type": "retrieval"}], "file_ids": []}
        return super()._shown(noun, document)


class Astra(ProtocolServer):
    """astra-assistants-api: milliseconds, no cursors, the runs of all threads, no steps."""

    def _answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Any:
        if "after" in query or "before" in query:
            return 500 if "messages" in path else 502, {}, b"cursors are not implemented"
        if path.endswith("/steps"):
            return self._refused(404, "Not Found")
        if path.startswith("/threads/") and path.endswith("/runs"):
            every = [one for runs in self.world.runs.values() for one in runs]
            if not every:
                return 500, {}, b"list index out of range"
            return self._listed("runs", every, query)
        return super()._answer(path, query, headers)

    def _page(self, items: list[Document], has_more: bool) -> Any:
        page = super()._page(items, False)
        return page if items else {**page, "object": "threads", "first_id": "none"}

    def _shown(self, noun: str, document: Document) -> Document:
        shown = super()._shown(noun, document)
        return {**shown, "created_at": document.get("created_at", 1) * 1000 + 377}


class Bee(ProtocolServer):
    """bee-api: no ``object`` of lists, few fields of messages, unknown parameters refused."""

    def _answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Any:
        for name in query:
            if name not in ("limit", "after", "before", "order", "order_by"):
                return self._refused(400, f"unknown parameter {name}")
        return super()._answer(path, query, headers)

    def _page(self, items: list[Document], has_more: bool) -> Any:
        page = super()._page(items, has_more)
        del page["object"]
        return {**page, "total_count": 99}

    def _shown(self, noun: str, document: Document) -> Document:
        shown = super()._shown(noun, document)
        if noun == "messages":
            del shown["thread_id"]
            shown["content"] = [{"type": "text", "text": {"value": "Text"}}]
        return shown


class Hal(ProtocolServer):
    """hal-9100: bare arrays in no order, UUIDs, an empty ``object``."""

    def _listed(self, noun: str, items: list[Document], query: dict[str, str]) -> Any:
        shown = [self._shown(noun, one) for one in items]
        if noun == "messages":
            return 200, {}, self._page(shown, False)
        return 200, {}, shown[1:] + shown[:1]

    def _shown(self, noun: str, document: Document) -> Document:
        shown = super()._shown(noun, document)
        return {**shown, "object": "", "file_ids": []}


class ChatKit(ProtocolServer):
    """ChatKit, whose threads are another thing."""

    def _shown(self, noun: str, document: Document) -> Document:
        return {**super()._shown(noun, document), "object": "chatkit.thread"}


class Dashboard(ProtocolServer):
    """A server that lists threads to a browser only, and has no assistants any more."""

    def _answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Any:
        if path == "/threads":
            return self._refused(401, "Your request must be made with a session key")
        if path == "/assistants":
            return self._refused(404, "Not found")
        if path.endswith("/content") and path.startswith("/files/"):
            return self._refused(400, "Not allowed to download files of purpose: assistants")
        if path == "/vector_stores/vs_1/files/file-1/content":
            page = {"object": "vector_store.file_content.page", "has_more": False,
                    "data": [{"type": "text", "text": "one"}]}  # fmt: skip
            return 200, {}, page
        return super()._answer(path, query, headers)
