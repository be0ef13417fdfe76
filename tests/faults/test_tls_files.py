"""Files that a session of the program's names for TLS, and that cannot be used."""

import pytest
import requests
from server import TLS

from assistants_client import ConfigurationError

AUTHORITY, CERTIFICATE = str(TLS / "authority.pem"), str(TLS / "server.pem")


def never(exchange):
    """Is not reached."""


@pytest.fixture
def files(tmp_path):
    """One that is not there, and one that is no certificate."""
    (tmp_path / "broken.pem").write_text("nothing")
    return {"none": str(tmp_path / "none.pem"), "broken": str(tmp_path / "broken.pem")}


@pytest.fixture
def named(monkeypatch, files):
    """Makes a session, for which a variable or an attribute of its own names one of them."""

    def make(source, which):
        session = requests.Session()
        if source == "session.verify":
            session.verify = files[which]
        else:
            monkeypatch.setenv(source, files[which])
        return session

    return make


@pytest.mark.parametrize("which", ["none", "broken"])
@pytest.mark.parametrize("source", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "session.verify"])
def test_a_bundle_is_named_with_its_source(listen, connect, named, source, which):
    """No bare ``OSError`` of requests, and no connection that is to blame."""
    session = named(source, which)
    server = listen(never, tls=True)
    for call in ("retrieve", "create"):
        client = connect(server, session=session)
        given = {"retrieve": {"assistant_id": "asst_a"}, "create": {"model": "m"}}[call]
        with pytest.raises(ConfigurationError, match=rf"{which}\.pem' cannot be read \({source}\)"):
            getattr(client.assistants, call)(**given)
    assert server.exchanges == []


@pytest.mark.parametrize("place", [0, 1, "alone"])
@pytest.mark.parametrize("which", ["none", "broken"])
def test_a_certificate_of_the_session_is_named(listen, connect, files, place, which):
    """Be it that, or its key."""
    session = requests.Session()
    session.verify = AUTHORITY
    session.cert = files[which] if place == "alone" else (CERTIFICATE, CERTIFICATE)
    if place != "alone":
        pair = [CERTIFICATE, CERTIFICATE]
        pair[place] = files[which]
        session.cert = tuple(pair)
    client = connect(listen(never, tls=True), session=session)
    with pytest.raises(ConfigurationError, match=rf"session\.cert: '.*{which}\.pem' "):
        client.assistants.create(model="m")


def test_without_a_session_the_variable_alone_is_named(connect, monkeypatch, files):
    """The one that was read."""
    monkeypatch.setenv("CURL_CA_BUNDLE", files["broken"])
    with pytest.raises(ConfigurationError, match=r"cannot be read \(CURL_CA_BUNDLE\)"):
        connect("https://server.test/v1")


def test_an_error_of_the_programs_own_is_its_own(listen, connect):
    """As of an authentication that reads a file."""

    def sign(request):
        raise PermissionError("no key")

    session = requests.Session()
    session.auth = sign
    with pytest.raises(PermissionError, match="no key"):
        connect(listen(never), session=session).assistants.create(model="m")
