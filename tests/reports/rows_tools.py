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
    (
        "It is not said what the tools of a run do to those of its assistant.",
        "https://github.com/openai/openai-node/pull/1981",
        "tools/test_tools_of_a_run.py::test_given_tools_replace_where_that_is_asked_for",
    ),
    (
        "Models of pydantic 1 are refused where those of pydantic 2 are taken.",
        "https://github.com/langchain-ai/langchain/pull/33698",
        "tools/test_old_pydantic.py::test_models_are_described_and_read_by_their_own_rules",
    ),
    (
        "Nested models in the parameters of a function are not described.",
        "https://github.com/UKGovernmentBEIS/inspect_ai/pull/158",
        "tools/test_package_types.py::test_models_are_read_by_their_own_rules",
    ),
    (
        "A function that yields its results cannot be a tool.",
        "https://github.com/QwenLM/Qwen-Agent/pull/506",
        "tools/test_package_results.py::test_a_function_that_yields_is_a_tool",
    ),
    (
        "A function that returns JSON or a table is refused.",
        "https://github.com/microsoft/semantic-kernel/issues/3356",
        "tools/test_package_results.py::test_columns_and_tables_of_pandas",
    ),
    (
        "Integers of numpy among the arguments of a request cannot be sent.",
        "https://github.com/civisanalytics/civis-python/pull/85",
        "models/test_values_of_programs.py::test_numbers_of_numpy_and_columns_of_pandas",
    ),
    (
        "A number of numpy is no number where seconds or counts are expected.",
        "https://github.com/civisanalytics/civis-python/pull/85",
        "models/test_values_of_programs.py::test_numbers_of_other_packages_are_arguments",
    ),
    (
        "On Python 3.14 names that only type checkers know end the inspection of a function.",
        "https://github.com/python/cpython/issues/152835",
        "tools/test_late_annotations.py::test_what_is_returned_need_not_be_known",
    ),
    (
        "An annotation that cannot be resolved does not say whose it is.",
        "https://github.com/woltapp/magic-di/issues/5",
        "tools/test_late_annotations.py::test_an_unknown_name_in_a_string_is_refused_at_once",
    ),
    (
        "Line ends that a model writes within arguments make a call fail.",
        "https://github.com/livekit/agents/pull/4196",
        "tools/test_arguments.py::test_raw_line_ends_in_arguments_are_read",
    ),
]
