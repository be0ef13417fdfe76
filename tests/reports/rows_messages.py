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
    (
        "A CA bundle that is not there is a bare OSError, which names no variable.",
        "https://github.com/python-poetry/poetry/issues/7202",
        "faults/test_tls_files.py::test_a_bundle_is_named_with_its_source",
    ),
    (
        "A body that can be read once only is empty when the request is sent again.",
        "https://github.com/c3-ls/ServiceFabric-Http/issues/1",
        "models/test_values_of_programs.py::test_what_can_be_read_once_is_no_list",
    ),
    (
        "The address of a server of language models is answered 404 without a hint.",
        "https://github.com/OpenHands/OpenHands/issues/485",
        "mistakes/test_twenty_mistakes.py::test_3_base_url_with_a_slash_or_without_v1",
    ),
    (
        "Variables and options are ignored, and nothing says which value was used.",
        "https://github.com/QwenLM/qwen-code/issues/891",
        "cli/test_serve.py::test_what_won_is_blamed",
    ),
    (
        "Text in the place of a file names no way to give its content.",
        "https://github.com/openai/openai-python/issues/871",
        "faults/test_file_transfer.py::test_text_in_the_place_of_a_path_is_told",
    ),
    (
        "A page's POST is answered 403, and nothing says that a token is missing.",
        "https://github.com/gunthercox/ChatterBot/issues/1000",
        "streams/test_web_frameworks.py::test_django_streams_to_a_page_that_sends_its_token",
    ),
    (
        "Two commands at the same moment both create what either would have found.",
        "https://github.com/google/syzkaller/issues/518",
        "cli/test_create.py::test_of_several_that_are_created_the_oldest_stays",
    ),
    (
        "Streamed answers are broken within words by the terminal.",
        "https://github.com/NousResearch/hermes-agent/issues/45272",
        "cli/test_chat.py::test_lines_are_broken_at_words_in_a_terminal",
    ),
    (
        "Ctrl-C leaves a conversation though a line was begun.",
        "https://github.com/tigerbeetle/tigerbeetle/issues/1186",
        "cli/test_chat.py::test_ctrl_c_clears_a_line_first",
    ),
    (
        "An unknown command or option is refused without the one that was meant.",
        "https://github.com/gem/oq-engine/issues/2104",
        "cli/test_chat.py::test_an_unknown_option_and_an_unknown_command_are_told",
    ),
    (
        "A model that stands in for a real one in tests has no usage.",
        "https://github.com/mharrisb1/openai-responses-python/issues/14",
        "engine/test_scripted.py::test_a_run_of_the_script_has_usage",
    ),
    (
        "Who knows the id of a thread reads another user's conversation.",
        "https://github.com/growilabs/growi/pull/10806",
        "web/test_django_login.py::test_each_user_has_a_conversation_of_their_own",
    ),
    (
        "An address whose scheme is the wrong one of http and https hangs, and nothing says so.",
        "https://github.com/hammerlab/ketrew/issues/311",
        "faults/test_fault_matrix.py::test_silence_in_the_tls_handshake",
    ),
    (
        "A conversation in the terminal offers no way to another thread.",
        "https://github.com/kardolus/chatgpt-cli/issues/25",
        "cli/test_chat.py::test_commands_in_a_terminal",
    ),
]
