"""Reports about tools and their types, each with the test that shows its end."""

#: What was reported, where, and the test.
ROWS = [
    (
        "Functions given to a run replaced the assistant's own tools without a word.",
        "https://github.com/microsoft/autogen/pull/1434",
        "tests/tools/test_tools_of_a_run.py::test_given_tools_are_added_to_the_assistants",
    ),
]
