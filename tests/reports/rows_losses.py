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
    (
        "An error that a gateway sends instead of a file is stored as the file.",
        "https://github.com/razzamatazm/mustarrd/pull/356",
        "servers/test_errors_in_a_200.py::test_the_content_of_a_file_is_no_error",
    ),
    (
        "An error behind a status of 200 loses the words that say why.",
        "https://github.com/crewAIInc/crewAI/pull/7342",
        "servers/test_errors_in_a_200.py::test_streams_raise_the_words_too",
    ),
    (
        "Text that comes without deltas is not shown in a conversation.",
        "https://github.com/pingdotgg/t3code/issues/7137",
        "streams/test_late_text.py::test_text_of_deltas_may_stand_bare",
    ),
    (
        "An answer that is a refusal has no text and nothing else that says so.",
        "https://github.com/langchain-ai/langchain/pull/34619",
        "streams/test_late_text.py::test_a_refusal_is_no_empty_answer",
    ),
    (
        "An upload of FastAPI is refused, since it is no file to the client.",
        "https://github.com/VirusTotal/vt-py/issues/119",
        "faults/test_files_in_memory.py::test_an_upload_of_other_frameworks",
    ),
    (
        "A file cannot be given a name of its own.",
        "https://github.com/openai/openai-python/issues/1564",
        "faults/test_files_in_memory.py::test_a_pair_names_what_is_in_memory",
    ),
    (
        "Of a batch that failed it is not known which files were uploaded.",
        "https://github.com/xorbitsai/xagent/pull/1524",
        "waiting/test_deadlines.py::test_a_batch_that_breaks_names_those_so_far",
    ),
    (
        "Content that is read behind the block that opened it looks like an empty file.",
        "https://github.com/fastapi/fastapi/issues/1936",
        "faults/test_files_in_memory.py::test_content_is_read_within_its_block",
    ),
    (
        "After a failed run a retry of the program duplicates the user's turn.",
        "https://github.com/nexu-io/open-design/pull/1664",
        "cli/test_chat.py::test_a_question_that_is_refused_is_asked_once",
    ),
    (
        "Messages cannot be written as JSON, as an agent's memory needs.",
        "https://github.com/run-llama/llama_index/issues/10349",
        "models/test_to_dict.py::test_what_was_read_makes_another",
    ),
    (
        "A thread is copied with its messages, as the API returned them.",
        "https://github.com/get-convex/agent/pull/161",
        "resources/test_copied_messages.py::test_messages_that_were_read_are_sent",
    ),
    (
        "A program waits for ever for the active run of a thread.",
        "https://github.com/VoloBuilds/openai-assistants-discord-bot/issues/5",
        "waiting/test_deadlines.py::test_all_runs_that_hold_the_lock_have_one_time_together",
    ),
    (
        "A stream that is kept open by pings has no bound for the whole.",
        "https://github.com/BerriAI/litellm/pull/37368",
        "streams/test_stream_deadlines.py::test_without_a_timeout_it_ends_as_a_wait_does",
    ),
    (
        "No timeout covers what comes before the stream has opened.",
        "https://github.com/diegosouzapw/OmniRoute/issues/1716",
        "streams/test_stream_deadlines.py::test_reading_the_assistant_is_part_of_the_whole",
    ),
    (
        "The timeout of a stream ends with its first event.",
        "https://github.com/tensorzero/tensorzero/pull/6344",
        "streams/test_stream_deadlines.py::test_polls_of_a_broken_stream_are_part_of_the_whole",
    ),
    (
        "The client's polling of a batch of uploads loops for ever.",
        "https://github.com/ProjectTech4DevAI/kaapi-backend/pull/1073",
        "waiting/test_deadlines.py::test_an_upload_that_hangs_ends_in_time",
    ),
    (
        "A stream cannot be read from what a recorder replays.",
        "https://github.com/kevin1024/vcrpy/issues/714",
        "servers/test_recorders.py::test_vcrpy_records_and_replays",
    ),
    (
        "No thread can be started when the interpreter ends.",
        "https://github.com/getsentry/sentry-python/issues/2299",
        "waiting/test_deadlines.py::test_without_threads_the_callers_does_the_work",
    ),
    (
        "A client that is used without a name is closed before its request.",
        "https://github.com/googleapis/python-genai/issues/1763",
        "core/test_dropped_clients.py::test_a_resource_outlives_its_client",
    ),
    (
        "Streams cannot be answered by the fakes of a test.",
        "https://github.com/getsentry/responses/issues/149",
        "servers/test_programs_of_users.py::test_a_stream_is_a_body_of_events",
    ),
]
