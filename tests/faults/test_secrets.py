"""Keys, tokens and passwords show up nowhere; and what a program keeps or sends on pickles."""

import copy
import logging
import pickle
import time
import traceback
from types import SimpleNamespace

import pytest
from server import QUICK, TLS, Store, assistant, head, http

from assistants_client import (
    AdaptiveBackoff,
    APIConnectionError,
    APIError,
    Client,
    ConfigurationError,
    ConstantBackoff,
    ExponentialBackoff,
    RetryPolicy,
)

KEY = "sk-canary-0123456789"
PASSWORD = "pa55word-of-the-proxy"


def echo(status):
    """Answers with everything that was sent, in the reason, the headers and the body."""

    def script(exchange):
        said = " ".join(exchange.headers.values()).encode()
        error = b'{"error": {"message": "%b", "code": "%b", "type": "t", "more": ["%b"]}}'
        exchange.send(
            http(error % (said, said, said), f"X-Request-Id: {KEY}", status=f"{status} {KEY}")
        )

    return script


def half(exchange):
    """Breaks off within the answer."""
    exchange.send(head("Content-Length: 999") + b"{")
    exchange.hang_up()


SCRIPTS = {
    "401": echo("401"),
    "400": echo("400"),
    "500": echo("500"),
    "reset": lambda exchange: exchange.reset(),
    "half": half,
    "no JSON": lambda exchange: exchange.send(http(b"<html>" + KEY.encode())),
    "no object": lambda exchange: exchange.json([]),
    "redirect": lambda exchange: exchange.send(
        http(b"", f"Location: http://x.test/?k={KEY}", status="302 Found")
    ),
    "stall": lambda exchange: exchange.stall(),
    "fine": lambda exchange: exchange.json(assistant()),
}


def credential(token):
    """As azure-identity's, with this token."""
    answer = SimpleNamespace(token=token, expires_on=time.time() + 3600)
    return SimpleNamespace(get_token=lambda *_: answer)


CLIENTS = {
    "key": lambda url, **how: Client(url, api_key=KEY, **how),
    "callable": lambda url, **how: Client(url, api_key=lambda: KEY, **how),
    "header": lambda url, **how: Client(url, headers={"Authorization": f"Bearer {KEY}"}, **how),
    "own header": lambda url, **how: Client(url, headers={"X-Api-Key": KEY}, **how),
    "foundry": lambda url, **how: Client.foundry(url, credential(KEY), **how),
    "azure": lambda url, **how: Client.azure(url, api_version="v", api_key=KEY, **how),
    "azure token": lambda url, **how: Client.azure(
        url, api_version="v", credential=credential(KEY), **how
    ),
    "copy": lambda url, **how: Client(url, **how).with_options(
        headers={"Authorization": f"Bearer {KEY}"}
    ),
}


def texts_of(error):
    """Every text that an error can end up as."""
    chain = error
    while chain is not None:
        yield repr(chain)
        yield str(chain)
        yield repr(chain.args)
        chain = chain.__cause__ or chain.__context__
    yield repr(vars(error))
    yield "".join(traceback.format_exception(error))
    yield repr(pickle.dumps(error))


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("make", CLIENTS.values(), ids=CLIENTS)
def test_a_key_shows_up_nowhere(listen, caplog, make, script):
    """Not in an error, its chain, its pickle, a log record, or the repr of what holds it."""
    caplog.set_level(logging.DEBUG)
    server = listen(script)
    client = make(server.url, retries=QUICK, timeout=(1, 0.1))
    texts = []
    try:
        client.assistants.create(model="m")
    except APIError as error:
        texts += texts_of(error)
    assert any(KEY in value for value in server.exchanges[0].headers.values())
    transport = client._transport
    texts += map(repr, (client, client.assistants, transport, transport.options))
    texts += map(repr, (transport._retry, transport._session, transport._session.adapters))
    if not isinstance(transport._api_key, str):
        texts.append(repr(transport._api_key))
    texts += [record.getMessage() for record in caplog.records]
    texts += [repr(record.args) for record in caplog.records]
    client.close()
    assert [text for text in texts if KEY in text] == []


def test_a_password_of_a_proxy_shows_up_nowhere(listen, caplog, monkeypatch):
    """Neither for a plain proxy nor for a tunnel."""
    caplog.set_level(logging.DEBUG)
    texts = []
    refusing = listen(lambda exchange: exchange.send(http(b"", status="407 No")))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{PASSWORD}@{refusing.host}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@{refusing.host}")
    for url in ("http://a.test/v1", "https://a.test/v1"):
        with Client(url, retries=QUICK) as client, pytest.raises(APIError) as caught:
            client.assistants.create(model="m")
        texts += texts_of(caught.value)
        texts += [repr(client), repr(client._transport)]
    texts += [record.getMessage() for record in caplog.records]
    assert len(refusing.exchanges) >= 2
    assert [text for text in texts if PASSWORD in text] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: Client("http://x.test/v1", api_key=f"{KEY}\nInjected: yes"),
        lambda: Client("http://x.test/v1", api_key=f"{KEY}é"),
        lambda: Client("http://x.test/v1", api_key=lambda: f"{KEY}\n\n"[:-1] + "\tx"),
        lambda: Client("http://x.test/v1", api_key=KEY.encode()),
        lambda: Client("http://x.test/v1", headers={"Authorization": f"Bearer {KEY}\n"}),
        lambda: Client(KEY),
        lambda: Client(f"http://me:{KEY}@x.test/v1"),
        lambda: Client(f"http://x.test/v1?key={KEY}"),
    ],
)
def test_a_key_that_cannot_be_sent_is_not_shown(make):
    """The error says which argument it is."""
    with pytest.raises(ConfigurationError) as caught:
        make().assistants.list(limit=1).__iter__().__next__()
    assert [text for text in texts_of(caught.value) if KEY in text] == []


def test_errors_of_every_kind_pickle(listen, connect, monkeypatch):
    """As they were raised, with all they tell."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(TLS / "authority.pem"))
    for script in SCRIPTS.values():
        if script is SCRIPTS["fine"]:
            continue
        with pytest.raises(APIError) as caught:
            connect(listen(script), timeout=(1, 0.1)).assistants.create(model="m")
        for twin in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
            assert type(twin) is type(caught.value)
            assert str(twin) == str(caught.value)
            assert vars(twin) == vars(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        RetryPolicy(5, initial=1, maximum=2, budget=3, recover=True),
        AdaptiveBackoff(scale=1),
        ExponentialBackoff(2),
        ConstantBackoff(3),
    ],
    ids=repr,
)
def test_options_pickle(option):
    """A program may send them to its workers."""
    assert pickle.loads(pickle.dumps(option)) == option
    assert copy.deepcopy(option) == option


def test_answers_pickle(listen, connect):
    """Unknown fields included."""
    store = Store()
    store.objects["asst_a"] = assistant(new={"a": [1]}, tools=[{"type": "novel", "x": 1}])
    client = connect(listen(store))
    one = client.assistants.retrieve("asst_a")
    assert pickle.loads(pickle.dumps(one)) == one
    assert [pickle.loads(pickle.dumps(page)) for page in client.assistants.list().pages()]


def test_an_error_without_an_answer_names_no_query(listen, connect):
    """Parameters may hold a signature."""
    server = listen(lambda exchange: exchange.reset())
    client = connect(server, params={"sig": KEY})
    with pytest.raises(APIConnectionError) as caught:
        client.assistants.retrieve("asst_a")
    assert KEY not in str(caught.value)
    assert KEY not in repr(vars(caught.value))
    assert KEY not in repr(client._transport.options)
