"""The official Python client's own types: which of the requests in a file they take."""

import json
import sys
from pathlib import Path

from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

TYPE = TypeAdapter(ResponseCreateParamsStreaming)


def as_taken(document):
    """What the types make of a request: fields that they do not know are missing."""
    return json.loads(TYPE.dump_json(TYPE.validate_python(document)))


print(json.dumps([as_taken(document) for document in json.loads(Path(sys.argv[1]).read_text())]))
