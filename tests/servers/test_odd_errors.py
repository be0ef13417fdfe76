"""Error bodies of servers in the field: each gives a readable message and the right class."""

import pickle

import pytest

from assistants_client import (
    APIStatusError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    UnprocessableEntityError,
)


def refused(client, server, status, document=None, *, body=None, content_type="text/plain"):
    """The error that a POST ends with."""
    if body is None:
        server.answers("POST", "/threads", document, status=status)
    else:
        server.answers_body("POST", "/threads", body, status, content_type)
    with pytest.raises(APIStatusError) as caught:
        client.threads.create()
    error = caught.value
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


def words(error):
    """The server's part of the message."""
    return error.args[0].partition(": ")[2]


def test_an_error_with_a_type_and_a_code_of_the_servers_own(client, server):
    """All that it says is there."""
    detail = {"code": "resource_not_found", "message": "no such thing", "type": "not_found_error"}
    error = refused(client, server, 404, {"error": {**detail, "param": None}})

    assert type(error) is NotFoundError
    assert (error.code, error.type, error.param) == ("resource_not_found", "not_found_error", None)
    assert words(error) == "no such thing"


def test_a_422_with_a_repr_as_message(client, server):
    """The text is shown as it is, on one line."""
    text = "[{'loc': ('body', 'limit'),\n 'msg': 'too large'}]"
    error = refused(
        client, server, 422, {"error": {"code": "x", "message": text, "type": None, "param": None}}
    )

    assert type(error) is UnprocessableEntityError
    assert words(error) == "[{'loc': ('body', 'limit'), 'msg': 'too large'}]"
    assert error.type is None


def test_a_500_for_a_mistake_of_the_clients(client, server):
    """It is the server's error, and its POST is not sent again."""
    error = refused(client, server, 500, {"error": {"message": "unknown role", "code": None}})

    assert type(error) is InternalServerError
    assert words(error) == "unknown role"
    assert error.maybe_created
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("status", "cls", "text"),
    [(400, BadRequestError, "文件格式不支持"), (413, APIStatusError, "空文件")],
)
def test_a_message_in_another_script_and_a_413(client, server, status, cls, text):
    """Any text and any status can be told."""
    error = refused(client, server, status, {"error": {"message": text}})

    assert type(error) is cls
    assert error.status_code == status
    assert words(error) == text


def test_an_error_without_type_and_param(client, server):
    """What is not said is ``None``."""
    error = refused(client, server, 404, {"error": {"code": "gone", "message": "no assistant"}})

    assert type(error) is NotFoundError
    assert (error.code, error.type, error.param) == ("gone", None, None)
    assert words(error) == "no assistant"


def test_an_error_that_is_a_text_beside_a_message(client, server):
    """The message says more than the name of the status."""
    error = refused(
        client, server, 404, {"message": "Cannot POST /x", "error": "Not Found", "statusCode": 404}
    )

    assert type(error) is NotFoundError
    assert words(error) == "Cannot POST /x"


def test_an_error_that_is_a_text_alone(client, server):
    """Then it is the message."""
    assert words(refused(client, server, 400, {"error": "no model loaded"})) == "no model loaded"


def test_delete_and_cancel_carry_no_content_type(client, server):
    """Some servers refuse an empty body that is announced as JSON."""
    server.answers("DELETE", "/threads/t", {"id": "t", "deleted": True})
    server.answers("POST", "/threads/t/runs/r/cancel", {"id": "r"})
    server.answers("GET", "/threads/t", {"id": "t"})

    client.threads.delete("t")
    client.runs.cancel("t", "r")
    client.threads.retrieve("t")

    for request in server.requests:
        assert "Content-Type" not in request.headers
        assert not request.body


def test_every_request_accepts_json(client, server):
    """Some servers refuse to answer anything else."""
    server.answers("POST", "/threads", {"id": "t"})

    client.threads.create()

    assert "application/json" in server.requests[0].headers["Accept"]


def test_issues_of_a_validator(client, server):
    """Each is told with its place."""
    issues = [
        {"code": "invalid_type", "path": ["messages", 0, "role"], "message": "Required"},
        {"code": "custom", "path": [], "message": "Too much"},
    ]
    error = refused(
        client, server, 400, {"success": False, "error": {"issues": issues, "name": "ZodError"}}
    )

    assert type(error) is BadRequestError
    assert words(error) == "messages.0.role: Required; Too much"


def test_a_message_beside_success_false(client, server):
    """The message is the message."""
    error = refused(client, server, 400, {"success": False, "message": "thread is busy"})

    assert words(error) == "thread is busy"


def test_success_false_and_nothing_else(client, server):
    """Then the body is all there is to show."""
    assert words(refused(client, server, 400, {"success": False})) == '{"success": false}'


@pytest.mark.parametrize(
    ("status", "cls", "text"),
    [(500, InternalServerError, "Internal Server Error"), (404, NotFoundError, "404 Not Found")],
)
def test_a_plain_text(client, server, status, cls, text):
    """It is the message."""
    error = refused(client, server, status, body=text)

    assert type(error) is cls
    assert words(error) == text
    assert error.body == text


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", ""])
def test_an_empty_body(client, server, content_type):
    """The status has a name, and that is the message."""
    error = refused(client, server, 404, body="", content_type=content_type)

    assert type(error) is NotFoundError
    assert words(error) == "Not Found"


@pytest.mark.parametrize(
    ("status", "document", "is_asked"),
    [
        (404, None, True),
        (404, {"error": {"message": "No such thread."}}, False),
        (500, None, False),
    ],
)
def test_a_page_instead_of_an_error_body(client, server, status, document, is_asked):
    """A 404 that no server of the protocol writes has the base URL looked at; others do not."""
    error = refused(client, server, status, document, body=None if document else b"<h1>No</h1>")

    assert ("is the base URL that of an Assistants server" in str(error)) is is_asked


@pytest.mark.parametrize("status", [404, 405])
def test_a_detail(client, server, status):
    """It is the message."""
    error = refused(client, server, status, {"detail": "Method Not Allowed"})

    assert words(error) == "Method Not Allowed"
    assert error.status_code == status


def test_a_detail_that_is_a_list_of_places(client, server):
    """Each is told with its place."""
    detail = [{"loc": ["body", "tool_outputs", 0], "msg": "field required", "type": "missing"}]
    error = refused(client, server, 422, {"detail": detail})

    assert words(error) == "body.tool_outputs.0: field required"


@pytest.mark.parametrize("code", ["404", 404])
def test_a_code_that_is_a_number(client, server, code):
    """A code is a text in every case."""
    error = refused(client, server, 404, {"error": {"message": "no", "code": code, "type": "None"}})

    assert error.code == "404"


@pytest.mark.parametrize(
    "document", [None, [], {}, 5, "text", ["a", "b"], {"error": None}, {"error": {}}, {"error": []}]
)
def test_a_body_of_any_other_shape(client, server, document):
    """There is always a class and always a text."""
    error = refused(client, server, 400, document)

    assert type(error) is BadRequestError
    assert words(error)
    assert str(error).startswith("POST /threads: answered 400: ")


def test_no_request_id_is_none(client, server):
    """The message does not speak of one."""
    error = refused(client, server, 400, {"error": {"message": "no"}})

    assert error.request_id is None
    assert "request id" not in str(error)
