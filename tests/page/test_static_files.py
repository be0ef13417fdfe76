"""The files of the page, without a browser: what is served where, and with which headers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, create_environ
from werkzeug.wrappers import Response

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.serving.loopback_guard import LoopbackOnly
from assistants_client.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "assistants_client" / "engine" / "page"
FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.fixture
def engine(clean_environment: None) -> Iterator[Engine]:
    """An engine that wants a token."""
    with Engine("sqlite://", model=Scripted(), token="secret") as made:
        yield made


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_a_strict_policy(engine: Engine, name: str) -> None:
    """Without a token, for they hold no data; nothing of another host can be loaded."""
    path = "/" if name == "index.html" else f"/page/{name}"
    response = Client(engine).get(path)

    assert response.status_code == 200
    assert response.data == (FOLDER / name).read_bytes()
    policy = dict(
        one.split(" ", 1) for one in response.headers["content-security-policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob: data:",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-request-id"]
    kinds = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
    }
    assert response.content_type.partition(";")[0] == kinds[name.rpartition(".")[2]]


def test_a_browser_that_has_a_file_is_not_sent_it_again(engine: Engine) -> None:
    """It asks with its tag, which a proxy may have made weak; HEAD has the headers alone."""
    http = Client(engine)
    whole = http.get("/page/app.js")
    tag = whole.headers["etag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = http.get("/page/app.js", headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["etag"] == tag
    assert http.get("/page/app.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert whole.headers["cache-control"] == "no-cache"
    head = http.head("/page/app.js")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.data))


def test_other_methods_and_names_are_refused(engine: Engine) -> None:
    """As errors of the protocol; nothing beside the files can be reached."""
    http = Client(engine)

    refused = http.post("/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    headers = {"Authorization": "Bearer secret"}
    for path in (
        "/page/",
        "/page/no.js",
        "/page/index.html",
        "/page/../engine.py",
        "/page/%2e%2e/x",
    ):
        response = http.get(path, headers=headers)
        assert response.status_code == 404
        assert json.loads(response.data)["error"]["code"] == "unknown_url"


def test_the_database_is_not_opened_for_it(tmp_path: Path) -> None:
    """The page is there while the database is not."""
    with Engine(f"sqlite:///{tmp_path / 'kept.db'}", model=Scripted()) as engine:
        assert Client(engine).get("/").status_code == 200
        assert list(tmp_path.iterdir()) == []


def test_there_is_none_where_it_is_switched_off(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the argument, or by the variable, which the argument outranks."""
    with Engine("sqlite://", model=Scripted(), page=False) as engine:
        assert Client(engine).get("/").status_code == 404
        assert Client(engine).get("/page/app.js").status_code == 404
    monkeypatch.setenv("ASSISTANTS_NO_PAGE", "1")
    with Engine("sqlite://", model=Scripted()) as engine:
        assert Client(engine).get("/").status_code == 404
    with Engine("sqlite://", model=Scripted(), page=True) as engine:
        assert Client(engine).get("/").status_code == 200
    monkeypatch.setenv("ASSISTANTS_NO_PAGE", "0")
    with Engine("sqlite://", model=Scripted()) as engine:
        assert Client(engine).get("/").status_code == 200
    monkeypatch.setenv("ASSISTANTS_NO_PAGE", "perhaps")
    with pytest.raises(ConfigurationError, match=r"\$ASSISTANTS_NO_PAGE: 'perhaps' is not 1 or 0"):
        Engine("sqlite://", model=Scripted())


def test_it_works_wherever_the_application_is_mounted(engine: Engine) -> None:
    """A prefix leads to its slash, by a relative address; no file names an absolute one."""
    http = Client(DispatcherMiddleware(Response("elsewhere"), {"/inner/my assistants": engine}))

    without = http.get("/inner/my assistants")
    assert (without.status_code, without.headers["location"]) == (308, "./my%20assistants/")
    address = unquote(urljoin("/inner/my%20assistants", without.headers["location"]))
    assert address == "/inner/my assistants/"
    followed = http.get(address)
    assert followed.data == (FOLDER / "index.html").read_bytes()
    assert http.get("/inner/my assistants/page/app.js").status_code == 200
    index = (FOLDER / "index.html").read_text("utf-8")
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', index)
    assert addresses
    assert [one for one in addresses if one.removeprefix("page/") not in FILES] == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_import_each_other_and_make_no_html(name: str) -> None:
    """Each stands in one file of its own, below 400 lines, and nothing is parsed as HTML."""
    text = (FOLDER / name).read_text("utf-8")

    assert text.startswith("// ")
    assert len(text.splitlines()) < 400
    imported = re.findall(r'^import .* from "(.*)";$', text, re.M)
    assert [one for one in imported if one.removeprefix("./") not in FILES] == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []
    addresses = [
        one for one in re.findall(r"https?://\S+", text) if "www.w3.org/2000/svg" not in one
    ]
    assert addresses == []


VISIT = {
    "HTTP_SEC_FETCH_SITE": "cross-site",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
}


@pytest.mark.parametrize(
    ("path", "changed", "status"),
    [
        ("/", {}, 200),
        ("/", {"HTTP_SEC_FETCH_SITE": "none"}, 200),
        ("/", {"HTTP_SEC_FETCH_SITE": "same-site"}, 200),
        ("/", {"HTTP_SEC_FETCH_DEST": "iframe"}, 403),
        ("/", {"HTTP_SEC_FETCH_MODE": "no-cors", "HTTP_SEC_FETCH_DEST": "script"}, 403),
        ("/", {"HTTP_HOST": "rebound.example:8000"}, 403),
        ("/", {"HTTP_ORIGIN": "https://page.example"}, 403),
        ("/", {"REQUEST_METHOD": "POST"}, 403),
        ("/page/app.js", {}, 403),
        (
            "/page/app.js",
            {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_MODE": "cors"},
            200,
        ),
        ("/v1/threads", {}, 403),
    ],
)
def test_without_a_token_a_link_may_open_the_page_and_nothing_else(
    clean_environment: None, path: str, changed: dict[str, str], status: int
) -> None:
    """Pages of other hosts are kept away as before, from the operations and from the files."""
    environ = create_environ(path, base_url="http://127.0.0.1:8000") | VISIT | changed
    with Engine("sqlite://", model=Scripted()) as engine:
        response = Response.from_app(LoopbackOnly(engine), environ, buffered=True)
    assert response.status_code == status


def test_without_a_page_no_link_is_followed(clean_environment: None) -> None:
    """Then all of the guard stays as it is."""
    environ = create_environ("/", base_url="http://127.0.0.1:8000") | VISIT
    with Engine("sqlite://", model=Scripted(), page=False) as engine:
        response = Response.from_app(LoopbackOnly(engine), environ, buffered=True)
    assert response.status_code == 403


def test_neither_the_package_nor_a_client_loads_it() -> None:
    """The files are read when the page is asked for."""
    program = (
        "import sys\nfrom assistants_client import Client\nClient('http://localhost/v1')\n"
        "print([name for name in sys.modules if name.startswith('assistants_client.engine')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
