"""The module of each public name of the package. A dictionary only, for lazy imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "_arguments": "Timeout",
    "_http.auth": "AccessToken Credential",
    "_http.multipart": "FileSource Progress",
    "_http.options": "ApiKey Query RetryPolicy",
    "_json.documents": "from_dict to_dict",
    "backoff": "AdaptiveBackoff Backoff BackoffLike ConstantBackoff ExponentialBackoff",
    "client.client": "Client",
    "errors": (
        "APIConnectionError APIError APIResponseError APIStatusError APITimeoutError "
        "AssistantsError AuthenticationError BadRequestError ConfigurationError ConflictError "
        "InternalServerError InvalidRequestError NotFoundError PermissionDeniedError "
        "RateLimitError RunCancelledError RunError RunExpiredError RunFailedError "
        "RunIncompleteError StreamError StreamInterruptedError ThreadLockedError ToolError "
        "UnprocessableEntityError WaitTimeoutError"
    ),
    "function_tools.dispatch": "answer_calls",
    "function_tools.function_tool": "ToolFunction ToolLike as_tools tool",
    "models._base": "UNSET JsonObject Request Struct Unknown Unset UnsetType",
    "models.assistants": "Assistant AssistantRequest AssistantUpdate",
    "models.chunking": (
        "AutoChunking ChunkingStrategy StaticChunking StaticChunkingSizes UnknownChunking"
    ),
    "models.events": (
        "CallDelta CodeInterpreterCallDelta CodeInterpreterPiece Done Event "
        "FileSearchCallDelta FunctionCallDelta FunctionPiece ImageDelta ImageFilePartDelta "
        "ImageUrlPartDelta LogsDelta MessageChange MessageCompleted MessageCreated "
        "MessageCreationChange MessageDelta MessageEvent MessageIncomplete MessageInProgress "
        "PartDelta RefusalPartDelta RunCancelled RunCancelling RunCompleted RunCreated "
        "RunEvent RunExpired RunFailed RunIncomplete RunInProgress RunQueued "
        "RunRequiresAction RunStepCancelled RunStepCompleted RunStepCreated RunStepDelta "
        "RunStepEvent RunStepExpired RunStepFailed RunStepInProgress StepChange TextPartDelta "
        "TextPiece ThreadCreated ToolCallsChange UnknownCallDelta UnknownEvent "
        "UnknownOutputDelta UnknownPartDelta UnknownStepChange"
    ),
    "models.endings": "IncompleteDetails LastError",
    "models.files": "File FileExpiry",
    "models.lists": "Deleted Page",
    "models.messages": (
        "Annotation Attachment ContentPart ContentPartInput FileCitation FilePath "
        "FileReference ImageDetail ImageFile ImageFilePart ImageUrl ImageUrlPart "
        "InputTextPart Message MessageRequest MessageUpdate OnActiveRun "
        "RefusalPart Text TextPart UnknownAnnotation UnknownPart UrlCitation UrlReference"
    ),
    "models.replies": "Reply",
    "models.run_requests": (
        "RunRequest RunUpdate SubmitToolApprovalsRequest SubmitToolOutputsRequest "
        "ThreadRunRequest ToolApproval ToolOutput"
    ),
    "models.run_steps": (
        "CodeInterpreterCall CodeInterpreterRecord CodeOutput CreatedMessage FileSearchCall "
        "FileSearchRecord FunctionRecord FunctionToolCall ImageOutput LogsOutput "
        "MessageCreationDetails OutputImage RunStep SearchResult SearchResultContent "
        "StepDetails StepToolCall ToolCallsDetails UnknownOutput UnknownStepDetails "
        "UnknownToolCall"
    ),
    "models.run_streams": (
        "Approve Journal OnToolError RunStreamRequest StreamOptions "
        "SubmitToolOutputsStreamRequest ThreadRunStreamRequest ToolHandling"
    ),
    "models.runs": (
        "ACTIVE_STATUSES FINAL_STATUSES CompletionTokensDetails FunctionCall "
        "PromptTokenDetails RequiredAction RequiredToolCall Run SubmitToolOutputsAction Usage"
    ),
    "models.threads": "Thread ThreadRequest ThreadUpdate",
    "models.tools": (
        "CodeInterpreterResources CodeInterpreterTool FileSearchOptions FileSearchResources "
        "FileSearchTool FunctionDefinition FunctionTool JsonSchema NamedFunction "
        "NamedToolChoice NewVectorStore RankingOptions ReasoningEffort ResponseFormat "
        "ResponseFormatOption Tool ToolChoice ToolInput ToolResources TruncationStrategy "
        "UnknownTool"
    ),
    "models.vector_stores": (
        "Attributes FileContentPage FileCounts FoundText SearchHit SearchPage SearchRanking "
        "SearchRequest StoreExpiry VectorStore VectorStoreFile VectorStoreFileBatch "
        "VectorStoreFileBatchRequest VectorStoreFileRequest VectorStoreFileUpdate "
        "VectorStoreRequest VectorStoreUpdate"
    ),
    "_calls.pagination": "LazyList",
    "resources.files": "Purpose",
    "streaming.run_stream": "RunStream",
    "waiting.many_runs": "RunOrIds",
}

#: By public name: the module that defines it, below the package.
MODULE_OF: Final[Mapping[str, str]] = {
    name: module for module, names in _NAMES.items() for name in names.split()
}
