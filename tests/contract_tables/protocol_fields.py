"""The fields of the protocol's objects, and the class of ours that has each. Written by hand.

``test_fields.py`` compares the rows with the classes, ``test_spec.py`` with the specification. A
dotted name is a field of an object within an object.
"""

import assistants_client as ac
from assistants_client.models.error_body import ErrorBody, ErrorDetail
from assistants_client.resources.files import Files

_RESOURCES = (
    "tool_resources tool_resources.code_interpreter tool_resources.code_interpreter.file_ids "
    "tool_resources.file_search tool_resources.file_search.vector_store_ids "
)
_NEW_STORES = (
    "tool_resources.file_search.vector_stores tool_resources.file_search.vector_stores.file_ids "
    "tool_resources.file_search.vector_stores.metadata "
    "tool_resources.file_search.vector_stores.chunking_strategy "
    "tool_resources.file_search.vector_stores.chunking_strategy.type "
    "tool_resources.file_search.vector_stores.chunking_strategy.static "
    "tool_resources.file_search.vector_stores.chunking_strategy.static.max_chunk_size_tokens "
    "tool_resources.file_search.vector_stores.chunking_strategy.static.chunk_overlap_tokens "
)
_ASSISTANT = (
    "model name description instructions reasoning_effort tools metadata temperature top_p "
    "response_format "
)
_RUN = (
    "assistant_id model instructions tools metadata temperature top_p stream max_prompt_tokens "
    "max_completion_tokens truncation_strategy tool_choice parallel_tool_calls response_format "
)
_LIST = "object data first_id last_id has_more"
_DELETED = "id object deleted"
_USAGE = "prompt_tokens completion_tokens total_tokens"
_MARK = "type text start_index end_index "
_COUNTS = (
    "file_counts file_counts.in_progress file_counts.completed file_counts.failed "
    "file_counts.cancelled file_counts.total "
)
_LAST_ERROR = "last_error last_error.code last_error.message "

#: Schema, the class of ours (or the method, for a form that is not JSON), the fields.
FIELDS = {
    # What is sent.
    "CreateAssistantRequest": (ac.AssistantRequest, _ASSISTANT + _RESOURCES + _NEW_STORES),
    "ModifyAssistantRequest": (ac.AssistantUpdate, _ASSISTANT + _RESOURCES),
    "CreateThreadRequest": (ac.ThreadRequest, "messages metadata " + _RESOURCES + _NEW_STORES),
    "ModifyThreadRequest": (ac.ThreadUpdate, "metadata " + _RESOURCES),
    "CreateMessageRequest": (
        ac.MessageRequest,
        "role content attachments attachments.file_id attachments.tools metadata",
    ),
    "ModifyMessageRequest": (ac.MessageUpdate, "metadata"),
    "CreateRunRequest": (
        ac.RunRequest,
        _RUN + "additional_instructions additional_messages reasoning_effort",
    ),
    "CreateThreadAndRunRequest": (ac.ThreadRunRequest, _RUN + "thread " + _RESOURCES),
    "ModifyRunRequest": (ac.RunUpdate, "metadata"),
    "SubmitToolOutputsRunRequest": (
        ac.SubmitToolOutputsRequest,
        "tool_outputs tool_outputs.tool_call_id tool_outputs.output stream",
    ),
    "CreateVectorStoreRequest": (
        ac.VectorStoreRequest,
        "file_ids name description expires_after chunking_strategy metadata",
    ),
    "UpdateVectorStoreRequest": (ac.VectorStoreUpdate, "name expires_after metadata"),
    "CreateVectorStoreFileRequest": (
        ac.VectorStoreFileRequest,
        "file_id chunking_strategy attributes",
    ),
    "UpdateVectorStoreFileAttributesRequest": (ac.VectorStoreFileUpdate, "attributes"),
    "CreateVectorStoreFileBatchRequest": (
        ac.VectorStoreFileBatchRequest,
        "file_ids files chunking_strategy attributes",
    ),
    "VectorStoreSearchRequest": (
        ac.SearchRequest,
        "query rewrite_query max_num_results filters ranking_options ranking_options.ranker "
        "ranking_options.score_threshold",
    ),
    "CreateFileRequest": (Files.upload, "file purpose expires_after"),
    "FileExpirationAfter": (ac.FileExpiry, "anchor seconds"),
    "VectorStoreExpirationAfter": (ac.StoreExpiry, "anchor days"),
    "AutoChunkingStrategyRequestParam": (ac.AutoChunking, "type"),
    "StaticChunkingStrategyRequestParam": (ac.StaticChunking, "type static"),
    "StaticChunkingStrategy": (
        ac.StaticChunkingSizes,
        "max_chunk_size_tokens chunk_overlap_tokens",
    ),
    "MessageRequestContentTextObject": (ac.InputTextPart, "type text"),
    # What is sent and comes back.
    "AssistantToolsCode": (ac.CodeInterpreterTool, "type"),
    "AssistantToolsFileSearch": (
        ac.FileSearchTool,
        "type file_search file_search.max_num_results file_search.ranking_options",
    ),
    "AssistantToolsFileSearchTypeOnly": (ac.FileSearchTool, "type"),
    "AssistantToolsFunction": (ac.FunctionTool, "type function"),
    "FunctionObject": (ac.FunctionDefinition, "name description parameters strict"),
    "FileSearchRankingOptions": (ac.RankingOptions, "ranker score_threshold"),
    "AssistantsNamedToolChoice": (ac.NamedToolChoice, "type function function.name"),
    "ResponseFormatText": (ac.ResponseFormat, "type"),
    "ResponseFormatJsonObject": (ac.ResponseFormat, "type"),
    "ResponseFormatJsonSchema": (
        ac.ResponseFormat,
        "type json_schema json_schema.name json_schema.description json_schema.schema "
        "json_schema.strict",
    ),
    "TruncationObject": (ac.TruncationStrategy, "type last_messages"),
    "MessageContentImageFileObject": (
        ac.ImageFilePart,
        "type image_file image_file.file_id image_file.detail",
    ),
    "MessageContentImageUrlObject": (
        ac.ImageUrlPart,
        "type image_url image_url.url image_url.detail",
    ),
    # What comes back.
    "AssistantObject": (
        ac.Assistant,
        "id object created_at name description model instructions tools metadata temperature top_p "
        "response_format " + _RESOURCES,
    ),
    "ThreadObject": (ac.Thread, "id object created_at metadata " + _RESOURCES),
    "MessageObject": (
        ac.Message,
        "id object created_at thread_id status incomplete_details incomplete_details.reason "
        "completed_at incomplete_at role content assistant_id run_id attachments "
        "attachments.file_id attachments.tools metadata",
    ),
    "MessageContentTextObject": (ac.TextPart, "type text text.value text.annotations"),
    "MessageContentRefusalObject": (ac.RefusalPart, "type refusal"),
    "MessageContentTextAnnotationsFileCitationObject": (
        ac.FileCitation,
        _MARK + "file_citation file_citation.file_id",
    ),
    "MessageContentTextAnnotationsFilePathObject": (
        ac.FilePath,
        _MARK + "file_path file_path.file_id",
    ),
    "RunObject": (
        ac.Run,
        "id object created_at thread_id assistant_id status required_action required_action.type "
        "required_action.submit_tool_outputs required_action.submit_tool_outputs.tool_calls "
        "expires_at started_at cancelled_at failed_at completed_at incomplete_details "
        "incomplete_details.reason model instructions tools metadata usage temperature top_p "
        "max_prompt_tokens max_completion_tokens truncation_strategy tool_choice "
        "parallel_tool_calls response_format " + _LAST_ERROR,
    ),
    "RunToolCallObject": (
        ac.RequiredToolCall,
        "id type function function.name function.arguments",
    ),
    "RunCompletionUsage": (ac.Usage, _USAGE),
    "RunStepObject": (
        ac.RunStep,
        "id object created_at assistant_id thread_id run_id type status step_details expired_at "
        "cancelled_at failed_at completed_at metadata usage " + _LAST_ERROR,
    ),
    "RunStepCompletionUsage": (ac.Usage, _USAGE),
    "RunStepDetailsMessageCreationObject": (
        ac.MessageCreationDetails,
        "type message_creation message_creation.message_id",
    ),
    "RunStepDetailsToolCallsObject": (ac.ToolCallsDetails, "type tool_calls"),
    "RunStepDetailsToolCallsCodeObject": (
        ac.CodeInterpreterCall,
        "id type code_interpreter code_interpreter.input code_interpreter.outputs",
    ),
    "RunStepDetailsToolCallsCodeOutputLogsObject": (ac.LogsOutput, "type logs"),
    "RunStepDetailsToolCallsCodeOutputImageObject": (ac.ImageOutput, "type image image.file_id"),
    "RunStepDetailsToolCallsFileSearchObject": (
        ac.FileSearchCall,
        "id type file_search file_search.ranking_options file_search.results",
    ),
    "RunStepDetailsToolCallsFileSearchRankingOptionsObject": (
        ac.RankingOptions,
        "ranker score_threshold",
    ),
    "RunStepDetailsToolCallsFileSearchResultObject": (
        ac.SearchResult,
        "file_id file_name score content content.type content.text",
    ),
    "RunStepDetailsToolCallsFunctionObject": (
        ac.FunctionToolCall,
        "id type function function.name function.arguments function.output",
    ),
    "VectorStoreObject": (
        ac.VectorStore,
        "id object created_at name usage_bytes status expires_after expires_at last_active_at "
        "metadata " + _COUNTS,
    ),
    "VectorStoreFileObject": (
        ac.VectorStoreFile,
        "id object usage_bytes created_at vector_store_id status chunking_strategy attributes "
        + _LAST_ERROR,
    ),
    "VectorStoreFileBatchObject": (
        ac.VectorStoreFileBatch,
        "id object created_at vector_store_id status " + _COUNTS,
    ),
    "StaticChunkingStrategyResponseParam": (ac.StaticChunking, "type static"),
    "OtherChunkingStrategyResponseParam": (ac.UnknownChunking, "type"),
    "VectorStoreSearchResultsPage": (
        ac.SearchPage,
        "object search_query data has_more next_page",
    ),
    "VectorStoreSearchResultItem": (ac.SearchHit, "file_id filename score attributes content"),
    "VectorStoreSearchResultContentObject": (ac.FoundText, "type text"),
    "VectorStoreFileContentResponse": (
        ac.FileContentPage,
        "object data data.type data.text has_more next_page",
    ),
    "OpenAIFile": (
        ac.File,
        "id object bytes created_at expires_at filename purpose status status_details",
    ),
    "ListAssistantsResponse": (ac.Page[ac.Assistant], _LIST),
    "ListMessagesResponse": (ac.Page[ac.Message], _LIST),
    "ListRunsResponse": (ac.Page[ac.Run], _LIST),
    "ListRunStepsResponse": (ac.Page[ac.RunStep], _LIST),
    "ListVectorStoresResponse": (ac.Page[ac.VectorStore], _LIST),
    "ListVectorStoreFilesResponse": (ac.Page[ac.VectorStoreFile], _LIST),
    "ListFilesResponse": (ac.Page[ac.File], _LIST),
    "DeleteAssistantResponse": (ac.Deleted, _DELETED),
    "DeleteThreadResponse": (ac.Deleted, _DELETED),
    "DeleteMessageResponse": (ac.Deleted, _DELETED),
    "DeleteVectorStoreResponse": (ac.Deleted, _DELETED),
    "DeleteVectorStoreFileResponse": (ac.Deleted, _DELETED),
    "DeleteFileResponse": (ac.Deleted, _DELETED),
    "ErrorResponse": (ErrorBody, "error"),
    "Error": (ErrorDetail, "message type param code"),
}

_STREAMS = "is sent by the calls that stream, and by no other"
_UPDATES = "a store is made on create only; the class of the resources is the same"
_STEERS = "steers the call, and is no part of the body"

#: Fields of the protocol that no class has, and why.
NOT_OURS = {
    ("CreateRunRequest", "stream"): _STREAMS,
    ("CreateThreadAndRunRequest", "stream"): _STREAMS,
    ("SubmitToolOutputsRunRequest", "stream"): _STREAMS,
}

#: Fields of ours that the protocol does not have, and why. "*" stands for every request.
ONLY_OURS = {
    ("*", "extra_body"): _STEERS,
    ("CreateMessageRequest", "on_active_run"): _STEERS,
    ("CreateRunRequest", "on_active_run"): _STEERS,
    ("CreateMessageRequest", "timeout"): _STEERS,
    ("CreateRunRequest", "timeout"): _STEERS,
    ("CreateRunRequest", "include"): "goes into the query",
    ("CreateFileRequest", "filename"): "is the name that the file is sent under",
    ("CreateFileRequest", "progress"): _STEERS,
    ("AssistantObject", "reasoning_effort"): "is in the request, so servers may show it",
    ("RunObject", "reasoning_effort"): "is in the request, so servers may show it",
    ("RunObject", "tool_resources"): "stands in published answers",
    ("VectorStoreObject", "description"): "stands in real answers",
    ("RunCompletionUsage", "prompt_token_details"): "stands in real answers",
    ("RunCompletionUsage", "completion_tokens_details"): "stands in real answers",
    ("RunStepCompletionUsage", "prompt_token_details"): "stands in real answers",
    ("RunStepCompletionUsage", "completion_tokens_details"): "stands in real answers",
    ("RunStepDetailsToolCallsFileSearchResultObject", "attributes"): "stands in real answers",
    ("RunStepObject", "expires_at"): "stands in real answers",
    ("RunStepObject", "reasoning"): "is the embedded engine's own",
    ("AssistantToolsFileSearchTypeOnly", "file_search"): "one class for both forms of the tool",
    ("ResponseFormatText", "json_schema"): "one class for all forms of the format",
    ("ResponseFormatJsonObject", "json_schema"): "one class for all forms of the format",
    ("OtherChunkingStrategyResponseParam", "raw"): "holds whatever an unknown strategy came with",
}

_EVENTS = "is part of a stream"
_FILTERS = "filters are given as plain JSON, which nests freely"
_VALUE = "is a plain value"
_CHOICE = "is a choice between others of these"

#: Schemas of the specification that no class stands for, and why.
WITHOUT_CLASS = {
    "AssistantStreamEvent": _EVENTS,
    "DoneEvent": _EVENTS,
    "ErrorEvent": _EVENTS,
    "MessageDeltaContentImageFileObject": _EVENTS,
    "MessageDeltaContentImageUrlObject": _EVENTS,
    "MessageDeltaContentRefusalObject": _EVENTS,
    "MessageDeltaContentTextAnnotationsFileCitationObject": _EVENTS,
    "MessageDeltaContentTextAnnotationsFilePathObject": _EVENTS,
    "MessageDeltaContentTextObject": _EVENTS,
    "MessageDeltaObject": _EVENTS,
    "MessageStreamEvent": _EVENTS,
    "RunStepDeltaObject": _EVENTS,
    "RunStepDeltaStepDetailsMessageCreationObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsCodeObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsCodeOutputImageObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsCodeOutputLogsObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsFileSearchObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsFunctionObject": _EVENTS,
    "RunStepDeltaStepDetailsToolCallsObject": _EVENTS,
    "RunStepStreamEvent": _EVENTS,
    "RunStreamEvent": _EVENTS,
    "ThreadStreamEvent": _EVENTS,
    "ComparisonFilter": _FILTERS,
    "CompoundFilter": _FILTERS,
    "FunctionParameters": "is a JSON Schema, handed through",
    "ResponseFormatJsonSchemaSchema": "is a JSON Schema, handed through",
    "Metadata": _VALUE,
    "VectorStoreFileAttributes": _VALUE,
    "ParallelToolCalls": _VALUE,
    "ReasoningEffort": _VALUE,
    "FileSearchRanker": _VALUE,
    "AssistantSupportedModels": "a model is named by any text",
    "AssistantsApiResponseFormatOption": _CHOICE,
    "AssistantsApiToolChoiceOption": _CHOICE,
    "ChunkingStrategyRequestParam": _CHOICE,
}
