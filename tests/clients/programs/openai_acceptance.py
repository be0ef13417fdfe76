"""The official Python client: all that runs do, twice in a row, a value for each check."""

import json
from concurrent.futures import ThreadPoolExecutor

import openai

client = openai.OpenAI(max_retries=0)
beta = client.beta
runs = beta.threads.runs
AT_ONCE = 4
SOON = 50  # milliseconds
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SCHEMA = {"name": "answer", "schema": {"type": "object"}}


def thread_of(*texts):
    """A new thread with questions of a user."""
    return beta.threads.create(messages=[{"role": "user", "content": text} for text in texts])


def texts(thread_id):
    """What was said on a thread, oldest first."""
    found = beta.threads.messages.list(thread_id, order="asc")
    return [message.content[0].text.value for message in found]


def steps(run):
    """The steps of a run, oldest first."""
    return runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data


def polled(assistant, *questions, **options):
    """A run on a new thread, when it has ended or asks for outputs."""
    return runs.create_and_poll(
        thread_id=thread_of(*questions).id,
        assistant_id=assistant.id,
        poll_interval_ms=SOON,
        **options,
    )


def failure(run):
    """How a run ended, and its error's code."""
    return [run.status, run.last_error and run.last_error.code]


def asked_calls(tool_calls):
    """Names and arguments of function calls."""
    return [[call.function.name, json.loads(call.function.arguments)] for call in tool_calls]


def outputs(calls):
    """An output for each call."""
    return [
        {"tool_call_id": call.id, "output": json.loads(call.function.arguments)["city"] + ": 9 C"}
        for call in calls
    ]


def streamed(stream):
    """The events of a stream, its text in pieces, its code's logs, and its run at the end."""
    events, pieces, logs = [], [], []
    with stream as opened:
        for event in opened:
            events.append(event.event)
            if event.event == "thread.message.delta":
                pieces += [part.text.value for part in event.data.delta.content]
            if event.event == "thread.run.step.delta":
                for call in event.data.delta.step_details.tool_calls or ():
                    if call.type == "code_interpreter" and call.code_interpreter:
                        logs += [out.logs for out in call.code_interpreter.outputs or ()]
        return events, pieces, logs, opened.current_run


def plain_runs(assistant, told):
    """Questions and answers, by polling."""
    run = polled(assistant, "Good morning")
    told["plain status"] = run.status
    told["plain texts"] = texts(run.thread_id)
    told["plain usage"] = run.usage and run.usage.to_dict()
    told["plain steps"] = [[step.type, step.status] for step in steps(run)]
    [message] = beta.threads.messages.list(run.thread_id, run_id=run.id).data or [None]
    told["plain author"] = message and [
        message.role,
        message.assistant_id == assistant.id,
        message.run_id == run.id,
    ]

    run = polled(assistant, "Come in", instructions="Greet the visitor.")
    told["instructions replaced"] = [run.status, texts(run.thread_id)[-1]]
    run = polled(assistant, "Describe a rose", additional_instructions="Make it of one line.")
    told["instructions added"] = [run.status, texts(run.thread_id)[-1]]

    run = polled(assistant, instructions="Greet the visitor.")
    told["instructions only"] = [run.status, texts(run.thread_id)]
    empty = beta.threads.create_and_run_poll(
        assistant_id=assistant.id, instructions="Greet the visitor.", poll_interval_ms=SOON
    )
    told["instructions only, no thread"] = [empty.status, texts(empty.thread_id)]

    first = polled(assistant, "My city is Oslo")
    beta.threads.messages.create(first.thread_id, role="user", content="Which city is mine?")
    second = runs.create_and_poll(
        thread_id=first.thread_id, assistant_id=assistant.id, poll_interval_ms=SOON
    )
    told["second question"] = second.status
    told["second texts"] = texts(first.thread_id)

    run = polled(
        assistant,
        "Answer as a document",
        response_format={"type": "json_schema", "json_schema": SCHEMA},
    )
    told["document"] = [run.status, texts(run.thread_id)[-1]]
    run = polled(assistant, "Tell a long story", max_completion_tokens=300)
    told["cut short"] = [run.status, run.incomplete_details and run.incomplete_details.reason]
    told["cut text"] = texts(run.thread_id)[-1]


def tool_runs(assistant, told):
    """Code, functions and files, by polling."""
    run = polled(assistant, "Use code")
    told["code status"] = run.status
    told["code text"] = texts(run.thread_id)[-1]
    told["code usage"] = run.usage and run.usage.to_dict()
    found = steps(run)
    told["code steps"] = [step.type for step in found]
    told["code call"] = found[0].step_details.to_dict()["tool_calls"][0].get("code_interpreter")

    run = polled(assistant, "What is the weather?")
    told["function status"] = run.status
    calls = run.required_action.submit_tool_outputs.tool_calls
    told["function calls"] = asked_calls(calls)
    told["function ids"] = len({call.id for call in calls})
    try:
        beta.threads.messages.create(run.thread_id, role="user", content="x")
    except openai.BadRequestError as error:
        told["locked thread"] = error.status_code
    done = runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=outputs(calls),
        poll_interval_ms=SOON,
    )
    told["function answered"] = [done.status, texts(done.thread_id)[-1]]
    told["function outputs"] = [
        call.function.output for call in steps(done)[0].step_details.tool_calls
    ]
    told["function usage"] = done.usage and done.usage.to_dict()

    run = polled(assistant, "Say and look")
    told["text and call"] = [run.status, texts(run.thread_id)[-1], len(steps(run))]
    calls = run.required_action.submit_tool_outputs.tool_calls
    done = runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=outputs(calls),
        poll_interval_ms=SOON,
    )
    told["text and call answered"] = [done.status, texts(done.thread_id)[1:]]

    store = client.vector_stores.create()
    client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id,
        file=("capitals.txt", b"Oslo is the capital of Norway."),
        poll_interval_ms=SOON,
    )
    thread = beta.threads.create(
        messages=[{"role": "user", "content": "Search the files"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    run = runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=SOON
    )
    told["file search"] = [run.status, texts(thread.id)[-1]]
    told["file search steps"] = [step.type for step in steps(run)]


def streams(assistant, told):
    """The same, streamed."""

    def stream(question):
        return runs.stream(thread_id=thread_of(question).id, assistant_id=assistant.id)

    events, pieces, _, run = streamed(stream("Good morning"))
    told["stream begins"] = events[:3]
    told["stream ends"] = events[-3:]
    told["stream pieces"] = len(pieces) > 2
    told["stream text"] = ["".join(pieces), texts(run.thread_id)[-1]]
    told["stream usage"] = run.usage and run.usage.to_dict()

    events, pieces, logs, run = streamed(stream("Use code"))
    told["stream of code"] = [run.status, logs, "".join(pieces)]

    events, _, _, run = streamed(stream("What is the weather?"))
    told["first leg"] = [events[-1], run.status]
    calls = run.required_action.submit_tool_outputs.tool_calls
    told["first leg calls"] = asked_calls(calls)
    events, pieces, _, run = streamed(
        runs.submit_tool_outputs_stream(
            thread_id=run.thread_id, run_id=run.id, tool_outputs=outputs(calls)
        )
    )
    told["second leg"] = [events[0], events[-1], run.status]
    told["second leg text"] = "".join(pieces)


def at_once(assistant, told):
    """Several runs at the same time, by polling and streamed."""
    questions = [f"Take number {number}" for number in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda question: polled(assistant, question), questions))
        told["at once"] = [run.status for run in found]
        told["at once texts"] = [texts(run.thread_id)[-1] for run in found]

        def text_of(question):
            stream = runs.stream(thread_id=thread_of(question).id, assistant_id=assistant.id)
            return "".join(streamed(stream)[1])

        told["streams at once"] = list(pool.map(text_of, questions))


def bad_ends(assistant, told):
    """Models that fail, and runs that are cancelled; afterwards all goes on."""
    run = polled(assistant, "Break down")
    told["failed"] = failure(run)
    told["failed words"] = "The mock is down." in run.last_error.message
    told["rate limit"] = failure(polled(assistant, "Be busy"))
    told["hung up"] = failure(polled(assistant, "Hang up"))
    events, _, _, failed = streamed(
        runs.stream(thread_id=thread_of("Break down").id, assistant_id=assistant.id)
    )
    told["failed stream"] = [events[-1], failed.status]
    beta.threads.messages.create(run.thread_id, role="user", content="Good morning")
    again = runs.create_and_poll(
        thread_id=run.thread_id, assistant_id=assistant.id, poll_interval_ms=SOON
    )
    told["after a failure"] = again.status

    with runs.stream(thread_id=thread_of("Speak slowly").id, assistant_id=assistant.id) as stream:
        for event in stream:
            if event.event == "thread.message.delta":
                break
        slow = stream.current_run
    runs.cancel(slow.id, thread_id=slow.thread_id)
    told["cancelled"] = runs.poll(slow.id, thread_id=slow.thread_id, poll_interval_ms=SOON).status
    waiting = polled(assistant, "What is the weather?")
    runs.cancel(waiting.id, thread_id=waiting.thread_id)
    told["cancelled waiting"] = runs.poll(
        waiting.id, thread_id=waiting.thread_id, poll_interval_ms=SOON
    ).status
    beta.threads.messages.create(slow.thread_id, role="user", content="Good morning")
    again = runs.create_and_poll(
        thread_id=slow.thread_id, assistant_id=assistant.id, poll_interval_ms=SOON
    )
    told["after a cancel"] = again.status


def whole_day():
    """Every part; one that cannot go on leaves its other checks out, and tells why."""
    told = {}
    assistant = beta.assistants.create(
        model="gpt-4o",
        instructions="Answer in verse.",
        tools=[WEATHER, {"type": "code_interpreter"}, {"type": "file_search"}],
    )
    for part in (plain_runs, tool_runs, streams, at_once, bad_ends):
        try:
            part(assistant, told)
        except Exception as error:
            told[part.__name__] = repr(error)
    return told


print(json.dumps({"first": whole_day(), "second": whole_day()}))
