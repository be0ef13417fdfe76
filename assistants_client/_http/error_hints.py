"""Hints for people on refused requests, by status, host, path, form of the key, and TLS error.

A key is inspected for its form, and never shown.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

if TYPE_CHECKING:
    import requests

_OPENAI = (".openai.com",)
_AZURE = (".azure.com", ".azure.us", ".azure.cn")
_FOUNDRY = ".services.ai.azure.com"
#: The protocol's message for an object that does not exist, as against an operation.
_NO_OBJECT = re.compile(r"No \w[\w ]* found\b")
#: The last segments of base URLs that were meant for one operation.
_RESOURCES = frozenset(
    ("assistants", "threads", "messages", "runs", "files", "vector_stores", "completions")
)
_FIRST_OPERATIONS = re.compile(r"/(?:assistants|threads)(?:/(?!runs$)[^/]+)?")
#: Statuses for objects and operations that do not exist.
_NOTHING_THERE = frozenset({404, 405, 410})

#: A proxy's address behind its scheme, and the login in it.
_PROXY_LOGIN = re.compile(r"[^/?#@\s]*@[^@]*$")
_PROXY = re.compile(r"(?:[^/?#@\s]*@)?(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::(?P<port>\d{1,9}))?/?")
_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
#: One without a scheme that can be used: a word before a colon would be taken for a scheme.
_BARE_PROXY = re.compile(r"[\w-]+|(?:[^/?#@:\s]+@[\w.-]+|[\w-]*\.[\w.-]+)(?::\d{1,5})?")

#: OpenSSL's codes for certificates that are not valid yet, or expired; and for other host names.
_OUT_OF_TIME = frozenset({9, 10})
_OTHER_NAME = frozenset({62, 64, None})  # urllib3 1.26 compares the names itself
#: OpenSSL's messages for a response that is not TLS; they differ by version.
_NO_TLS = ("wrong version number", "unknown protocol", "record layer failure", "http request")


def advice(response: requests.Response, path: str, document: object, text: str) -> str:
    """Returns a hint to put behind the status, in brackets; empty where there is none.

    Args:
        response: The refusal.
        path: The request's path below the base URL.
        document: The refusal's decoded body, or its text.
        text: Its error message.
    """
    words = _words(response, path, document, text)
    return f" ({words})" if words else ""


def _words(response: requests.Response, path: str, document: object, text: str) -> str:
    parts = urlsplit(response.url or "")
    host = parts.hostname or ""
    if 300 <= response.status_code < 400 and "location" in response.headers:
        try:
            target = urlsplit(response.headers["location"]).netloc or "another path"
        except ValueError:
            target = "an invalid address"
        return f"a redirect to {target}; redirects are not followed, correct the base URL"
    if response.status_code == 401:
        return _first(_about_the_key(response, host))
    if response.status_code in _NOTHING_THERE:
        is_retired = host.endswith((*_OPENAI, ".openai.azure.com"))
        base = parts.path.removesuffix(path)
        return _first(_about_the_place(path, document, text, is_retired, base))
    return ""


def _first(rows: Iterable[tuple[bool, str]]) -> str:
    """Returns the hint of the first row whose condition holds."""
    return next((words for holds, words in rows if holds), "")


def _about_the_place(
    path: str, document: object, text: str, is_retired: bool, base: str
) -> Iterator[tuple[bool, str]]:
    yield (
        is_retired and path.startswith(("/assistants", "/threads")),
        "the Assistants API was switched off on this host on 2026-08-26; use Client() with the "
        "embedded engine, or the base URL of a server that still has it",
    )
    last = base.rpartition("/")[2]
    yield last in _RESOURCES, f"the base URL ends in /{last}: is that too much?"
    yield (
        _NO_OBJECT.match(text) is not None,
        "deleted, or made on another server or in another database?",
    )
    yield not base, "the base URL has no path: is /v1 missing at its end?"
    yield (
        not isinstance(document, dict),
        "is the base URL that of an Assistants server, with its /v1?",
    )
    yield (
        # Web frameworks say so of any unknown path; servers of a part have these at least.
        text.rstrip(".").lower() == "not found" and _FIRST_OPERATIONS.fullmatch(path) is not None,
        "this server has no such operation: does it speak the Assistants protocol? One of language "
        "models is used by the embedded engine, with ASSISTANTS_MODEL_URL",
    )


def _about_the_key(response: requests.Response, host: str) -> Iterator[tuple[bool, str]]:
    headers = response.request.headers
    header = headers.get("api-key") or headers.get("Authorization") or ""
    key = (header.decode("latin-1") if isinstance(header, bytes) else header).rpartition(" ")[2]
    is_openai_key = key.startswith("sk-")
    is_token = key.startswith("eyJ")  # the beginning of every signed token's header
    at_openai, at_azure = host.endswith(_OPENAI), host.endswith(_AZURE)
    yield not key, "no key was sent: give api_key=, or set ASSISTANTS_API_KEY"
    yield (
        at_azure and is_openai_key,
        "the key sent has the form of OpenAI's, sk-…; this host takes Azure's",
    )
    yield (
        host.endswith(_FOUNDRY) and not is_token,
        "what was sent is no token of Entra ID; give Client.foundry a credential, such as "
        "azure-identity's DefaultAzureCredential()",
    )
    yield (
        at_azure and "api-key" not in headers and not is_token,
        "this host takes keys in a header of its own: use Client.azure",
    )
    yield at_openai and not is_openai_key, "the key sent has not the form of OpenAI's, sk-…"
    yield (
        is_openai_key and not at_openai,
        "the key sent has the form of OpenAI's, sk-…: is it this server's?",
    )
    names = ("ASSISTANTS_API_KEY", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")
    name = next((name for name in names if os.environ.get(name, "").strip() == key), "")
    yield bool(name), f"the key of {name} was not accepted"
    given = os.environ.get("ASSISTANTS_API_KEY")
    yield bool(given), "the key given was not accepted; ASSISTANTS_API_KEY has another"
    yield True, "the key was not accepted: look at api_key= or ASSISTANTS_API_KEY"


def about_the_address(base_url: str, path: str) -> str:
    """Returns what ``ASSISTANTS_BASE_URL`` has to do with a server that is not there; or nothing.

    A program's own base URL takes precedence over it. Servers of language models have others.
    """
    if path.split("/")[1] not in _RESOURCES - {"completions"}:
        return ""
    named = os.environ.get("ASSISTANTS_BASE_URL", "").strip().rstrip("/")
    if not named:
        return ""
    if named == base_url.rstrip("/"):
        return " It is that of ASSISTANTS_BASE_URL."
    return " The program gave it; ASSISTANTS_BASE_URL names another."


def about_the_proxy(base_url: str) -> str:
    """Returns which variable names no usable proxy for a server, and why; empty if none does.

    Neither the proxy's user name nor its password is shown.
    """
    address = select_proxy(base_url, get_environ_proxies(base_url)) or ""
    reason = _proxy_fault(address) if address else ""
    if not reason:
        return ""
    parts = urlsplit(base_url)
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if os.environ.get(name) == address), names[1])
    shown = address.rpartition("@")[2]
    return (
        f"{variable} in the environment names no proxy that can be used, {shown!r}: {reason}; "
        f"NO_PROXY={parts.hostname} goes around it"
    )


def _proxy_fault(address: str) -> str:
    """Returns what is wrong with the address of a proxy; empty where it can be used."""
    scheme, has_scheme, rest = address.partition("://")
    match = _PROXY.fullmatch(rest)
    port = match["port"] if match is not None else None
    is_socks = scheme.lower().startswith("socks")
    return _first(
        (
            (not has_scheme and _BARE_PROXY.fullmatch(address) is not None, ""),
            (not has_scheme, "it has to begin with http://"),
            (scheme.lower() not in _PROXY_SCHEMES, f"{scheme!r} is not http or https"),
            (
                match is None and "@" in rest and _PROXY_LOGIN.match(rest) is None,
                "in its user name and password, / ? # and @ are written %2F %3F %23 and %40",
            ),
            (match is None, "it has to have the form http://host:port"),
            (port is not None and not 0 < int(port) < 65536, "its port is not from 1 to 65535"),
            (
                is_socks and find_spec("socks") is None,
                'SOCKS needs another package: pip install "requests[socks]"',
            ),
        )
    )


def about_tls(fault: Exception | None) -> str:
    """Returns the reason why there is no TLS connection to a server, with a hint.

    Args:
        fault: The error of ``ssl``, or of the socket below it.
    """
    if isinstance(fault, ValueError):  # of a certificate
        message = getattr(fault, "verify_message", "") or str(fault)
        code = getattr(fault, "verify_code", None)
        return f"{message.rstrip('.')}; {_about_the_certificate(code)}"
    message = (getattr(fault, "reason", None) or str(fault)).replace("_", " ").lower()
    if any(words in message for words in _NO_TLS):
        return "it does not speak TLS; is its address http:// instead of https://?"
    if isinstance(fault, (ssl.SSLEOFError, ConnectionError)):
        return "it broke off; does it speak TLS, or is its address http:// instead of https://?"
    return message


def _about_the_certificate(code: int | None) -> str:
    if code in _OUT_OF_TIME:
        return "is this machine's clock right?"
    if code in _OTHER_NAME:
        return "is the host in the base URL right?"
    return "REQUESTS_CA_BUNDLE names a file with the authorities to trust"
