"""The engine's modules by the names they had before they were put into folders.

Programs may have imported them, though nothing but ``assistants_client.engine`` was promised.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Final

#: By the folder that they are in now: the old name, and the new one where it is another.
_MOVED: Final[Mapping[str, str]] = {
    "http": "adapter=in_process_adapter app posts=post_requests routes uploads=upload_form",
    "serving": "http_server=waitress_server own_machine=loopback_guard",
    "events": "deltas streams=event_stream told=stream_state",
    "domain": "bounds file_search=file_search_tool images lifecycle=state_machine "
    "objects=new_objects token_sums",
    "worker": "answers=answer called=tool_call_records conversation=prompt executor=thread_pool "
    "ingestion=ingester lookout model_rounds run_state runner",
    "services": "services.following=run_snapshots services.repeats=idempotency_keys",
    "services.worker_side": "services.execution=execution services.ingesting=ingesting "
    "services.tool_use=tool_use",
    "storage": "database leases paging=keyset_pages store_faults tables",
    "search": "document_reader embedding_answers embeddings extraction filters "
    "search_words=text_ranking vectors",
    "search.document_reader": "chunking document_reader.pdfs=pdfs "
    "document_reader.plain_text=plain_text document_reader.program=program "
    "document_reader.refusal=refusal document_reader.web_pages=web_pages "
    "document_reader.word_documents=word_documents",
    "language_models.tutor": "language_models.algebra=algebra language_models.equations=equations "
    "language_models.lessons=lessons",
    "code_interpreter": "code_interpreter.inside=sandbox_main code_interpreter.walls=bwrap_command",
}


def _new_names() -> dict[str, str]:
    engine = __name__.rpartition(".")[0]
    return {
        f"{engine}.{old}": f"{engine}.{folder}.{new or old}"
        for folder, names in _MOVED.items()
        for old, _, new in (name.partition("=") for name in names.split())
    }


class _Moved(MetaPathFinder, Loader):
    """Finds a module under the name it had: the same module, not a second one."""

    def __init__(self, new_names: Mapping[str, str]) -> None:
        self._new_names = new_names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname in self._new_names else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        # A module of its own, for the import system writes the spec into it.
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # What is in ``sys.modules`` once a module was executed is what is imported.
        sys.modules[module.__name__] = import_module(self._new_names[module.__name__])


def find_moved_modules() -> None:
    """Makes the old names importable, from now on."""
    # Before the others, which would find a second copy of a module in a folder that was renamed.
    sys.meta_path.insert(0, _Moved(_new_names()))
