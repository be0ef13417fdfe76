"""Reports about tools and their types, each with the test that shows its end."""

#: What was reported, where, and the test.
ROWS = [
    (
        "Functions given to a run replaced the assistant's own tools without a word.",
        "https://github.com/microsoft/autogen/pull/1434",
        "tools/test_tools_of_a_run.py::test_given_tools_are_added_to_the_assistants",
    ),
    (
        "What tools of a notebook return, numbers of numpy and tables of pandas, was thrown away.",
        "https://github.com/langchain-ai/langchain/issues/22415",
        "tools/test_package_results.py::test_columns_and_tables_of_pandas",
    ),
    (
        "A function with a model of pydantic among its parameters could not be a tool.",
        "https://github.com/google/adk-python/issues/1066",
        "tools/test_package_types.py::test_models_are_read_by_their_own_rules",
    ),
    (
        "Limits in annotations were dropped: neither sent nor kept.",
        "https://github.com/openai/openai-agents-python/issues/1123",
        "tools/test_package_types.py::test_limits_are_sent_and_kept",
    ),
    (
        "A tool that returns a number of numpy failed.",
        "https://github.com/livekit/agents/pull/2855",
        "tools/test_package_results.py::test_numbers_and_arrays_of_numpy",
    ),
]
