"""Views of web frameworks that answer with ``stream.text()``, as a program would write them."""

import contextlib
import threading

import pytest
from stream_kit import PLAIN, SSE_HEAD, chunked, run, sse

from assistants_client import ConfigurationError, RunFailedError, StreamInterruptedError

BEGIN = b"".join(sse(*event) for event in PLAIN.legs[0][:8])
FAILED = run("failed", last_error={"code": "server_error", "message": "m"})


@pytest.fixture
def flask_client(client):
    """Flask's test client of an application with one view."""
    flask = pytest.importorskip("flask")
    application = flask.Flask("views")
    application.testing = True

    @application.get("/ask")
    def ask():
        stream = client.runs.stream("thread_1", assistant_id="asst_1")
        return flask.Response(stream.text(), mimetype="text/plain")

    return application.test_client()


@pytest.fixture
def django_client(client):
    """Django's test client of a project with one view."""
    django = pytest.importorskip("django")
    from django.conf import settings
    from django.http import StreamingHttpResponse
    from django.test import Client
    from django.urls import path

    def ask(_):
        stream = client.runs.stream("thread_1", assistant_id="asst_1")
        return StreamingHttpResponse(stream.text(), content_type="text/plain")

    class Urls:
        urlpatterns = (path("ask", ask),)

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="of the test")
        django.setup()
    settings.ROOT_URLCONF = Urls
    from django.urls import clear_url_caches

    clear_url_caches()
    return Client()


class Pausing:
    """A script that sends the begin of a stream, and then waits for the connection's end."""

    def __init__(self):
        self.is_over = threading.Event()

    def __call__(self, connection):
        """Plays it."""
        connection.sendall(SSE_HEAD + b"Connection: close\r\n\r\n" + BEGIN)
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            if connection.recv(1) == b"":
                self.is_over.set()


def test_flask_streams_the_text(server, flask_client):
    """The body is the run's text."""
    server.scripts = [chunked(PLAIN.body())]
    response = flask_client.get("/ask")
    assert response.status_code == 200
    assert response.get_data(as_text=True) == PLAIN.text


def test_flask_gets_each_piece_as_it_comes(server, flask_client):
    """And closing the response early closes the stream's connection."""
    server.scripts = [script := Pausing()]
    response = flask_client.get("/ask", buffered=False)
    pieces = response.iter_encoded()
    assert next(pieces).decode() == "Grüße"
    assert next(pieces).decode() == ", you"
    response.close()
    assert script.is_over.wait(5)


def test_flask_sees_that_the_run_failed(server, flask_client):
    """The response breaks off with an exception, and does not look complete."""
    body = BEGIN + sse("thread.run.failed", FAILED)
    server.scripts = [chunked(body)]
    with pytest.raises(RunFailedError, match="server_error: m"):
        flask_client.get("/ask").get_data()


def test_django_streams_the_text(server, django_client):
    """The body is the run's text."""
    server.scripts = [chunked(PLAIN.body())]
    response = django_client.get("/ask")
    assert response.status_code == 200
    assert b"".join(response.streaming_content).decode() == PLAIN.text
    response.close()


def test_django_gets_each_piece_as_it_comes(server, django_client):
    """And closing the response early closes the stream's connection."""
    server.scripts = [script := Pausing()]
    response = django_client.get("/ask")
    pieces = iter(response.streaming_content)
    assert next(pieces).decode() == "Grüße"
    response.close()
    assert script.is_over.wait(5)


def test_django_sees_that_the_run_failed(server, django_client):
    """The response breaks off with an exception, and does not look complete."""
    body = BEGIN + sse("thread.run.failed", FAILED)
    server.scripts = [chunked(body)]
    response = django_client.get("/ask")
    with pytest.raises(RunFailedError, match="server_error: m"):
        list(response.streaming_content)
    response.close()


def test_django_streams_to_a_page_that_sends_its_token(server, client, django_client):
    """As the README has it: a POST without the token of the page's template is refused."""
    from django.http import HttpResponse, StreamingHttpResponse
    from django.middleware.csrf import get_token
    from django.test import Client, override_settings
    from django.urls import path
    from django.views.decorators.http import require_POST

    @require_POST
    def ask(_):
        stream = client.runs.stream("thread_1", assistant_id="asst_1")
        next(stream)
        return StreamingHttpResponse(stream.text(), content_type="text/plain")

    class Urls:
        urlpatterns = (path("ask", ask), path("page", lambda asked: HttpResponse(get_token(asked))))

    server.scripts = [chunked(PLAIN.body())]
    middleware = ["django.middleware.csrf.CsrfViewMiddleware"]
    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF=Urls):
        browser = Client(enforce_csrf_checks=True)
        token = browser.get("/page").content.decode()
        refused = browser.post("/ask", "Hi", content_type="text/plain")
        asked = browser.post(
            "/ask", "Hi", content_type="text/plain", headers={"X-CSRFToken": token}
        )
        assert (refused.status_code, asked.getvalue().decode()) == (403, PLAIN.text)


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "incomplete"])
def test_text_raises_when_the_run_does_not_complete(server, client, status):
    """After the pieces that came."""
    server.scripts = [chunked(BEGIN + sse(f"thread.run.{status}", run(status)))]
    pieces = []
    with pytest.raises(Exception, match=status) as caught:
        pieces.extend(client.runs.stream("thread_1", assistant_id="asst_1").text())
    assert caught.value.run.status == status
    assert type(caught.value).__name__ == f"Run{status.title()}Error"


def test_text_can_end_with_words_instead_of_an_error(server, client, caplog):
    """The visitor of a view reads that the answer broke off; the error is in the log."""
    server.scripts = [chunked(BEGIN + sse("thread.run.failed", FAILED))]
    errors = []

    def broke_off(error):
        errors.append(error)
        return " [broken off]"

    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    pieces = list(stream.text(on_error=broke_off))

    assert pieces == ["Grüße", ", you", " [broken off]"]
    assert [type(error) for error in errors] == [RunFailedError]
    assert caplog.messages == [f"A streamed text broke off: {errors[0]}"]


def test_an_error_before_the_first_word_is_given_to_on_error_too(server, client):
    """Which may raise it instead, as long as a view can still respond with a status."""
    body = sse("thread.run.created", run("queued")) + sse("thread.run.failed", FAILED)
    server.scripts = [chunked(body), chunked(body)]

    def broke_off(error):
        if not stream.messages:
            raise error
        return "no"

    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    with pytest.raises(RunFailedError):
        list(stream.text(on_error=broke_off))
    told = client.runs.stream("thread_1", assistant_id="asst_1").text(on_error=lambda _: "Sorry.")

    assert list(told) == ["Sorry."]


def test_a_stream_that_is_closed_under_its_text_is_an_error_for_on_error(server, client):
    """So is every other error of ours; those of the program's own code are not."""
    server.scripts = [Pausing()]
    errors = []
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    pieces = stream.text(on_error=lambda error: errors.append(error) or "")
    assert next(pieces) == "Grüße"
    stream.close()

    assert list(pieces) == []
    assert [type(error) for error in errors] == [StreamInterruptedError]


def test_on_error_is_checked_before_anything_is_sent(client):
    """Words in the place of the function are the likely mistake."""
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    with pytest.raises(ConfigurationError, match=r"on_error: expected a function .*, got str"):
        stream.text(on_error="Sorry.")
    stream.close()
