"""Reports about lost words and waits without an end: a sentence, its source, ``file::test``."""

ROWS = [
    (
        "A gateway's error in a 200 makes a list look empty.",
        "https://github.com/modelscope/evalscope/pull/1673",
        "servers/test_errors_in_a_200.py::test_every_call_raises_the_words",
    ),
    (
        "A file from a web form loses its name.",
        "https://github.com/openai/openai-python/issues/871",
        "faults/test_files_in_memory.py::test_an_upload_of_a_form_keeps_its_name",
    ),
    (
        "A file in memory cannot go into a batch.",
        "https://github.com/openai/openai-python/issues/1511",
        "faults/test_files_in_memory.py::test_pairs_name_files_of_a_batch",
    ),
    (
        "Text that is delivered without deltas is lost.",
        "https://github.com/Runfusion/Fusion/issues/3587",
        "streams/test_late_text.py::test_text_without_deltas_is_delivered_once",
    ),
    (
        "A refusal is an empty answer.",
        "https://github.com/openclaw/openclaw/issues/102321",
        "streams/test_late_text.py::test_a_refusal_is_no_empty_answer",
    ),
    (
        "A timeout does not bound the wait for a locked thread.",
        "https://github.com/openai/openai-python/issues/1855",
        "waiting/test_deadlines.py::test_a_locked_thread_is_waited_for_within_the_timeout",
    ),
    (
        "A stream of comments never ends.",
        "https://github.com/earendil-works/pi/issues/5558",
        "streams/test_stream_deadlines.py::test_comments_extend_neither_bound",
    ),
    (
        "Objects cannot be kept as JSON and read again.",
        "https://github.com/microsoft/agent-framework/issues/1303",
        "models/test_to_dict.py::test_what_is_written_is_read_again",
    ),
    (
        "A thread cannot be copied: parts that were read are refused.",
        "https://github.com/mastra-ai/mastra/pull/11517",
        "resources/test_copied_messages.py::test_parts_that_were_read_are_sent",
    ),
    (
        "A question whose run was refused stands in the thread twice after another try.",
        "https://github.com/oneprolabs/sourcelens/issues/207",
        "waiting/test_deadlines.py::test_a_refused_question_is_not_left_behind",
    ),
    (
        "Streams cannot be recorded by vcrpy.",
        "https://github.com/kevin1024/vcrpy/issues/902",
        "streams/test_late_text.py::test_a_response_with_another_read1_is_read",
    ),
    (
        "A wait ends with the main thread.",
        "https://github.com/python/cpython/issues/113964",
        "waiting/test_deadlines.py::test_a_wait_outlives_the_main_thread",
    ),
]
