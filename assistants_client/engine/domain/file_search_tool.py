"""The file search as a language model sees it: what it is offered, shown, and how it cites.

Pure. Each passage is shown with a mark, ``【0:1†notes.txt】``: the number of the search within its
run, the number of the passage within the search, the file's name. A mark in the model's text that
names a passage of its run becomes a citation; any other is just text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from assistants_client._json.codec import decode, encode
from assistants_client.engine.domain.bounds import MAX_ANNOTATIONS
from assistants_client.engine.search.text_ranking import Hit
from assistants_client.models._base import JsonObject
from assistants_client.models.messages import Annotation, FileCitation, FilePath, FileReference
from assistants_client.models.run_steps import FileSearchCall, FileSearchRecord, RunStep
from assistants_client.models.tools import FileSearchOptions, FileSearchTool, Tool

#: What the tool is, in words for the language model.
DESCRIPTION: Final = """\
Searches the files of this conversation and answers with the passages that fit best, best first. \
It goes by words more than by meanings: ask with the words that the files are likely to use, and \
ask again with others when nothing fits. Each passage begins with a mark such as \
【0:1†notes.txt】. Where your answer relies on a passage, repeat its mark, unchanged, right after \
the sentence."""
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
_MARK: Final = re.compile(r"【(\d{1,6}):(\d{1,6})†([^【】\n]*)】")
_NOT_IN_MARKS: Final = re.compile(r"[【】†\s]+")


def options_of(tools: Iterable[Tool]) -> FileSearchOptions | None:
    """How a run's file search is set up; ``None`` where it has none."""
    for tool in tools:
        if isinstance(tool, FileSearchTool):
            return tool.file_search or FileSearchOptions()
    return None


def with_defaults(tool: JsonObject) -> JsonObject:
    """A tool as assistants and runs show it: of a file search, all of how it ranks."""
    if tool["type"] != "file_search":
        return tool
    options = tool.get("file_search") or {}
    given = {k: v for k, v in (options.get("ranking_options") or {}).items() if v is not None}
    ranking: dict[str, Any] = {"score_threshold": 0.0, **given, "hybrid_search": None}
    # The one ranker there is, which "auto" stands for.
    ranking["ranker"] = RANKER
    return {**tool, "file_search": {**options, "ranking_options": ranking}}


def threshold_of(options: FileSearchOptions) -> float:
    """The lowest score of what is found."""
    ranking = options.ranking_options
    return 0.0 if ranking is None or ranking.score_threshold is None else ranking.score_threshold


def record_of(
    options: FileSearchOptions, query: str, hits: Sequence[Hit] = (), fault: str | None = None
) -> FileSearchRecord:
    """What is kept of a search; the query, which the protocol does not show, beside the rest."""
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
    """The arguments of the call, as the model is told of it again."""
    return json.dumps({"query": record.extra.get("query", "")})


def shown_to_model(record: FileSearchRecord, number: int) -> str:
    """What the model reads of a search, the so-manieth of its run, counted from 0."""
    fault: str | None = record.extra.get("fault")
    passages = [
        f"{_mark(number, place, result.file_name)}\n{''.join(p.text for p in result.content)}"
        for place, result in enumerate(record.results)
    ]
    return fault or "\n\n".join(passages) or _NOTHING


def annotations_of(
    text: str, steps: Iterable[RunStep], written: dict[str, str]
) -> list[Annotation]:
    """The marks in a text that stand for something, the first ``MAX_ANNOTATIONS`` of each kind.

    Places count characters.

    Args:
        text: The text.
        steps: Those of its run.
        written: The files that code has written, as they are named in texts, by their ids.
    """
    found: list[Annotation] = [*islice(_citations(text, steps), MAX_ANNOTATIONS)]
    if written:
        names = sorted(written, key=len, reverse=True)
        marks = re.finditer("|".join(re.escape(name) for name in names), text)
        for match in islice(marks, MAX_ANNOTATIONS):
            found.append(
                FilePath(
                    text=match[0],
                    file_path=FileReference(file_id=written[match[0]]),
                    start_index=match.start(),
                    end_index=match.end(),
                )
            )
    return sorted(found, key=lambda one: getattr(one, "start_index", 0))


def _citations(text: str, steps: Iterable[RunStep]) -> Iterable[FileCitation]:
    searches = [
        call.file_search
        for step in steps
        for call in step.tool_calls
        if isinstance(call, FileSearchCall)
    ]
    for match in _MARK.finditer(text):
        number, place = int(match[1]), int(match[2])
        if number >= len(searches) or place >= len(searches[number].results):
            continue
        result = searches[number].results[place]
        if match[0] == _mark(number, place, result.file_name):
            yield FileCitation(
                text=match[0],
                file_citation=FileReference(file_id=result.file_id),
                start_index=match.start(),
                end_index=match.end(),
            )


def _mark(number: int, place: int, name: str) -> str:
    return f"【{number}:{place}†{_NOT_IN_MARKS.sub(' ', name)}】"


def annotation_documents(annotations: Iterable[Annotation]) -> list[JsonObject]:
    """Annotations as a delta tells of them."""
    return [{"index": index, **encode(one)} for index, one in enumerate(annotations)]
