"""Programs that did not run on ``assistants serve``: a sentence, its source, ``file::test``."""

ROWS = [
    (
        "A footnote does not come in the delta that brings its mark.",
        "https://github.com/nasa-petal/bidara-deep-chat/issues/160",
        "engine/test_marks.py::test_a_citation_comes_with_its_mark",
    ),
    (
        "A loop that deletes what it lists ends in the middle, since its cursor is gone.",
        "https://github.com/robhitt/openai-assistants-python",
        "engine/test_cursors_of_deleted_items.py::test_a_list_is_emptied_while_it_is_gone_through",
    ),
    (
        "Resources of a tool that is on are not there until they are given.",
        "https://github.com/openai/openai-cookbook",
        "engine/test_filled_in.py::test_tools_have_their_resources",
    ),
    (
        "A program of Azure's client puts /openai behind its address, and sends api-key.",
        "https://github.com/Azure-Samples/azure-openai-assistant-javascript",
        "contract/test_other_addresses.py::test_azures_paths_and_its_key",
    ),
    (
        "A program sends null for every field that nobody has set.",
        "https://github.com/PrefectHQ/marvin",
        "core/test_codec_strict.py::test_the_engine_reads_null_as_absence_where_it_means_nothing",
    ),
    (
        "A polling helper keeps the hint of its first poll to the end of the run.",
        "https://github.com/openai/openai-python",
        "engine/test_app.py::test_no_hint_has_the_name_that_other_clients_keep",
    ),
    (
        "The chat and the embeddings of the same client are answered 404 without a reason.",
        "https://github.com/openai/openai-python",
        "contract/test_other_addresses.py::test_what_is_not_served_says_what_is",
    ),
    (
        "A page of another origin cannot call the server.",
        "https://github.com/nasa-petal/bidara-deep-chat",
        "engine/test_cross_origin.py::test_a_page_reads_responses_and_their_headers",
    ),
    (
        "A program that reads the tools of an assistant finds no parameters.",
        "https://github.com/openai/openai-dotnet",
        "engine/test_filled_in.py::test_functions_have_parameters_and_strict",
    ),
]
