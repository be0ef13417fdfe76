"""The file search as a language model sees it: its function, its results and its citations.

Pure. Each passage is sent with a mark, ``【0:1†source】``: the number of the search within its
run, the number of the passage within the search, and a word that programs look for. A mark in the
model's text that names a passage of its run becomes a citation, also with the file's name for its
word, as models write it; any other is just text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from assistants_client._json.codec import decode
from assistants_client.engine.domain.marks import MarkAnnotation
from assistants_client.engine.search.text_ranking import Hit
from assistants_client.models._base import JsonObject
from assistants_client.models.messages import FileCitation, FileReference, Text
from assistants_client.models.run_steps import FileSearchCall, FileSearchRecord, RunStep
from assistants_client.models.tools import FileSearchOptions, FileSearchTool, Tool

#: The description of the tool for the language model.
DESCRIPTION: Final = """\
Searches the files of this conversation and answers with the passages that fit best, best first. \
It goes by words more than by meanings: ask with the words that the files are likely to use, and \
ask again with others when nothing fits. Each passage begins with a mark such as 【0:1†source】, \
and the name of its file. Where your answer relies on a passage, repeat its mark, unchanged, right \
after the sentence."""
PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to search for."}},
    "required": ["query"],
    "additionalProperties": False,
}

#: Passages of one search, where the tool does not say.
RESULTS: Final = 20
RANKER: Final = "default_2024_08_21"
_NOTHING: Final = "Nothing was found. Other words may find more."
#: The word in a mark that programs strip from texts.
_SOURCE: Final = "source"
_NOT_IN_MARKS: Final = re.compile(r"[【】†\s]+")


def options_of(tools: Iterable[Tool]) -> FileSearchOptions | None:
    """Returns the options of a run's file search; ``None`` where it has none."""
    for tool in tools:
        if isinstance(tool, FileSearchTool):
            return tool.file_search or FileSearchOptions()
    return None


def with_ranking(tool: JsonObject) -> JsonObject:
    """Returns a file search as assistants and runs have it: with all ranking options."""
    options = tool.get("file_search") or {}
    given = {k: v for k, v in (options.get("ranking_options") or {}).items() if v is not None}
    ranking: dict[str, Any] = {"score_threshold": 0.0, **given, "hybrid_search": None}
    # The only ranker, which "auto" means as well.
    ranking["ranker"] = RANKER
    return {**tool, "file_search": {**options, "ranking_options": ranking}}


def threshold_of(options: FileSearchOptions) -> float:
    """Returns the least score of a result."""
    ranking = options.ranking_options
    return 0.0 if ranking is None or ranking.score_threshold is None else ranking.score_threshold


def record_of(
    options: FileSearchOptions, query: str, hits: Sequence[Hit] = (), fault: str | None = None
) -> FileSearchRecord:
    """Returns the record of a search, with the query, which the protocol does not show."""
    ranking = options.ranking_options
    document: dict[str, Any] = {
        "query": query,
        "ranking_options": {
            "ranker": (ranking.ranker if ranking is not None else None) or RANKER,
            "score_threshold": threshold_of(options),
        },
        "results": [
            {
                "file_id": hit.file_id,
                "file_name": hit.filename,
                "score": hit.score,
                "attributes": hit.attributes,
                "content": [{"type": "text", "text": hit.text}],
            }
            for hit in hits
        ],
    }
    if fault is not None:
        document["fault"] = fault
    return decode(FileSearchRecord, document)


def arguments_of(record: FileSearchRecord) -> str:
    """Returns the arguments of the call, as the model is sent them again."""
    return json.dumps({"query": record.extra.get("query", "")})


def shown_to_model(record: FileSearchRecord, number: int) -> str:
    """Returns the output of a search as the model reads it.

    Args:
        record: The search.
        number: Its number within its run, counted from 0.
    """
    fault: str | None = record.extra.get("fault")
    passages = [
        f"{_mark(number, place, _SOURCE)} {_named(result.file_name)}\n"
        f"{''.join(part.text for part in result.content)}"
        for place, result in enumerate(record.results)
    ]
    return fault or "\n\n".join(passages) or _NOTHING


def citations_of(steps: Iterable[RunStep]) -> dict[str, MarkAnnotation]:
    """Returns the citations by their marks: in the form that is sent, and with the file's name.

    Args:
        steps: Those of the run.
    """
    searches = [
        call.file_search
        for step in steps
        for call in step.tool_calls
        if isinstance(call, FileSearchCall)
    ]
    found: dict[str, MarkAnnotation] = {}
    for number, record in enumerate(searches):
        for place, result in enumerate(record.results):
            for word in (_SOURCE, _named(result.file_name)):
                mark = _mark(number, place, word)
                reference = FileReference(file_id=result.file_id)
                found[mark] = FileCitation(text=mark, file_citation=reference)
    return found


def without_citations(text: Text) -> str:
    """Returns a text without its marks of citations, which are valid in its own run alone."""
    pieces, place = [], 0
    for one in text.annotations:
        if isinstance(one, FileCitation) and one.start_index >= place:
            pieces.append(text.value[place : one.start_index])
            place = max(one.end_index, one.start_index)
    return "".join([*pieces, text.value[place:]])


def _mark(number: int, place: int, word: str) -> str:
    return f"【{number}:{place}†{word}】"


def _named(file_name: str) -> str:
    return _NOT_IN_MARKS.sub(" ", file_name)
