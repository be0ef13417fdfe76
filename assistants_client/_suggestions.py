"""Suggestions in errors for names of other clients: attributes, arguments and imports.

They change messages only; no name works because of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_WAIT = "client.wait_for_run(run)"
_WAIT_FOR_FILE = "client.vector_store_files.wait(store.id, file.id)"
_WAIT_FOR_BATCH = "client.vector_store_file_batches.wait(store.id, batch.id)"
#: By class and attribute: the code to write. A class inherits the rows of its base classes.
ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = {
    "Client": {"beta": "client.assistants, client.threads, client.runs"},
    "Resource": {"get": "retrieve", "modify": "update"},
    "Threads": {
        "messages": "client.messages",
        "runs": "client.runs",
        "create_and_run": "client.runs.create_thread_and_run",
        "create_and_run_poll": _WAIT,
        "create_and_run_stream": "client.runs.stream_thread_and_run",
    },
    "Runs": {
        "steps": "client.run_steps",
        "create_and_poll": _WAIT,
        "create_and_process": _WAIT,
        "create_and_stream": "client.runs.stream",
        "submit_tool_outputs_and_poll": "client.wait_for_run(run, tools=[function])",
    },
    "RunStream": {
        "until_done": "list(stream)",
        "text_deltas": "stream.text()",
        "get_final_run": "stream.run",
        "get_final_messages": "stream.messages",
        "get_final_run_steps": "stream.run_steps",
    },
    "Files": {
        "create": "client.files.upload",
        "upload_and_poll": "client.files.upload_and_wait",
        "wait_for_processing": "client.files.upload_and_wait",
        "retrieve_content": "client.files.content",
        "get_content": "client.files.content",
    },
    "VectorStores": {
        "files": "client.vector_store_files",
        "file_batches": "client.vector_store_file_batches",
        "create_and_poll": "client.vector_stores.wait(store.id)",
    },
    "VectorStoreFiles": {
        "create_and_poll": _WAIT_FOR_FILE,
        "poll": _WAIT_FOR_FILE,
        "upload": "client.vector_store_files.upload_and_wait",
        "upload_and_poll": "client.vector_store_files.upload_and_wait",
    },
    "VectorStoreFileBatches": {
        "create_and_poll": _WAIT_FOR_BATCH,
        "poll": _WAIT_FOR_BATCH,
        "upload_and_poll": "client.vector_store_file_batches.upload_and_wait",
    },
    "Struct": dict.fromkeys(("as_dict", "to_json", "model_dump_json"), "message.to_dict()"),
}

#: By argument: its possible names here. The first that the call has is suggested.
_ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "agent_id": ("assistant_id",),
    "attempts": ("retries",),
    "azure_ad_token": ("credential",),
    "azure_ad_token_provider": ("credential",),
    "azure_endpoint": ("endpoint",),
    "default_headers": ("headers",),
    "default_query": ("params",),
    "file_ids": ("attachments", "tool_resources"),
    "http_client": ("session",),
    "max_retries": ("retries",),
    "max_tokens": ("max_completion_tokens",),
    "poll_interval": ("backoff",),
    "poll_interval_ms": ("backoff",),
    "polling_interval": ("backoff",),
}

#: Options that other clients accept in a single call, with their names here.
_OPTIONS: Final[Mapping[str, str]] = {
    "timeout": "timeout",
    "retries": "retries",
    "max_retries": "retries",
    "headers": "headers",
    "extra_headers": "headers",
    "params": "params",
    "extra_query": "params",
}

#: By argument without another name here: the alternative.
_NO_ARGUMENTS: Final[Mapping[str, str]] = {
    "azure_deployment": "the model of an assistant is the name of its deployment",
    "stream": "client.runs.stream and its like take the same fields",
    "event_handler": "iterate over the stream instead, as in: for event in stream",
    "progress": "wait_for_run, after runs.create, has it",
    "on_poll": "wait_for_run, after runs.create, has it",
    "cancel_on_timeout": "wait_for_run, after runs.create, has it",
}

#: By call: the calls with more arguments.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "ask": "runs.create, and wait_for_run after it, have all fields of a run",
    "wait_for_runs": "wait_for_run, for one run, has tools and what else there is",
}

#: By name that other clients export: the alternative.
_EXPORTS: Final[Mapping[str, str]] = {
    "AsyncClient": "Client blocks; in an event loop, await asyncio.to_thread(client.ask, ...)",
    "AssistantEventHandler": "iterate over client.runs.stream(...) instead",
}


def no_attribute(owner: object, name: str) -> AttributeError:
    """Returns the error that a ``__getattr__`` raises."""
    message = f"{type(owner).__name__!r} object has no attribute {name!r}"
    for cls in type(owner).__mro__:
        here = ATTRIBUTES.get(cls.__name__, {}).get(name)
        if here is not None:
            message += f"; here it is {here}"
            break
    return AttributeError(message, name=name, obj=owner)


def no_export(package: str, name: str) -> Exception:
    """Returns the error that the ``__getattr__`` of a package raises."""
    if name in _EXPORTS:  # "from … import …" would replace the message of an AttributeError
        return ImportError(f"cannot import name {name!r} from {package!r}: {_EXPORTS[name]}")
    return AttributeError(f"module {package!r} has no attribute {name!r}")


def no_argument(called: str, name: str, known: Collection[str], *, noun: str) -> TypeError:
    """Returns the error for an unknown argument.

    Args:
        called: The call.
        name: The argument.
        known: The arguments of the call.
        noun: Their noun in the message, such as "field".
    """
    import difflib  # for this error alone

    is_request = "extra_body" in known
    like = [*_ARGUMENTS.get(name, ()), *difflib.get_close_matches(name, known, 1)]
    here = next((one for one in like if one in known), None)
    if name in _OPTIONS and (is_request or here is None):
        advice = f"; client.with_options({_OPTIONS[name]}=...) varies it for single calls"
    elif name in _NO_ARGUMENTS:
        advice = f"; {_NO_ARGUMENTS[name]}"
    elif here is not None:
        advice = f"; do you mean {here!r}?"
    elif called in _ELSEWHERE:
        advice = f"; {_ELSEWHERE[called]}"
    else:
        advice = "; fields of your server alone go into extra_body={...}" if is_request else ""
    return TypeError(f"{called}() has no {noun} {name!r}{advice}")


def explains_arguments(method: Callable[P, T]) -> Callable[P, T]:
    """Decorates a method: its errors for arguments of other clients suggest the name here."""
    owner, _, own_name = method.__qualname__.rpartition(".")
    called = owner if own_name == "__init__" else own_name
    code = method.__code__  # inspect.signature would take longer than the rest of the import
    by_position = code.co_varnames[: code.co_argcount]
    by_name = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    known = {*by_position, *by_name}

    @functools.wraps(method)
    def call(*args: P.args, **arguments: P.kwargs) -> T:
        if len(args) > len(by_position):
            first = f"{by_position[-1]} by position and the rest"
            if len(by_position) == 1:  # self, or the class
                first = "its arguments"
            raise TypeError(f"{called}() takes {first} by name, as in {by_name[0]}=...")
        for name in arguments.keys() - known:
            raise no_argument(called, name, known, noun="argument")
        return method(*args, **arguments)

    return call
