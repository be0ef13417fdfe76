"""Reports on messages, views and the command: what was reported, where, and the test for it."""

from __future__ import annotations

#: What was reported, in our words; where; and the test that shows what happens here.
ROWS: list[tuple[str, str, str]] = [
    (
        "A proxy given as localhost:8100 fails with a message that does not name its variable.",
        "https://github.com/psf/requests/issues/6032",
        "faults/test_bounds.py::test_a_proxy_that_cannot_be_one_is_blamed",
    ),
    (
        "A model that fails after the headers were sent leaves half an answer without a word.",
        "https://github.com/open-webui/open-webui/issues/29628",
        "streams/test_web_frameworks.py::test_text_can_end_with_words_instead_of_an_error",
    ),
    (
        "Under ASGI Django reads a plain iterator to its end, and the answer does not stream.",
        "https://github.com/django/channels/issues/1761",
        "web/test_uvicorn.py::test_an_answer_streams_while_the_model_speaks",
    ),
    (
        "A visitor who leaves in the middle of a streamed response locks the ASGI application up.",
        "https://github.com/django/django/pull/14652",
        "web/test_uvicorn.py::test_a_visitor_who_leaves_closes_the_stream",
    ),
    (
        "Each start of a program makes another assistant, since none is found by its name.",
        "https://github.com/microsoft/autogen/issues/709",
        "cli/test_create.py::test_an_assistant_is_created_once",
    ),
    (
        "Two assistants may have one name, and nobody says which of them is meant.",
        "https://github.com/rubra-ai/rubra/issues/27",
        "cli/test_create.py::test_of_several_assistants_of_a_name_none_is_chosen",
    ),
]
