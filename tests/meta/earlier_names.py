"""The names that could be imported before the package was put into folders: they still can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By package: its modules, and the packages in it.
MODULES: Final[Mapping[str, str]] = {
    "assistants_client": (
        "backoff cli client engine errors function_tools models resources streaming testing waiting"
    ),
    "assistants_client.engine": (
        "adapter answers app bounds called chunking code_interpreter conversation database deltas "
        "document_reader embedding_answers embeddings engine environment events executor "
        "extraction faults file_search filters http_server ids images ingestion language_models "
        "leases lifecycle lookout model_rounds objects own_machine paging posts routes run_state "
        "runner search_words services serving store_faults streams tables token_sums told uploads "
        "vectors wsgi"
    ),
    "assistants_client.engine.code_interpreter": (
        "base bubblewrap inside logs monty seccomp walls"
    ),
    "assistants_client.engine.document_reader": (
        "pdfs plain_text program refusal web_pages word_documents"
    ),
    "assistants_client.engine.language_models": (
        "adaptations algebra answer_blocks base call_arguments call_pieces chat_chunks "
        "chat_completions chat_wire equations error_bodies error_words finish_reasons lessons "
        "refused_fields responses responses_events responses_wire scripted server_model "
        "server_refusals stream_errors thinking turn_state tutor wire"
    ),
    "assistants_client.engine.services": (
        "assistants execution files following ingesting messages repeats run_steps runs threads "
        "tool_use vector_store_file_batches vector_store_files vector_stores"
    ),
    "assistants_client.models": (
        "assistants chunking error_body events files lists messages replies run_steps run_streams "
        "runs threads tools vector_stores"
    ),
    "assistants_client.resources": (
        "assistants files messages run_steps runs threads vector_store_file_batches "
        "vector_store_files vector_stores"
    ),
    "assistants_client.testing": ("clock connections doubles faults plugin scripted_model"),
}

#: By module: its ``__all__``.
EXPORTS: Final[Mapping[str, str]] = {
    "assistants_client": (
        "ACTIVE_STATUSES FINAL_STATUSES UNSET APIConnectionError APIError APIResponseError "
        "APIStatusError APITimeoutError AccessToken AdaptiveBackoff Annotation ApiKey Approve "
        "Assistant AssistantRequest AssistantUpdate AssistantsError Attachment Attributes "
        "AuthenticationError AutoChunking Backoff BackoffLike BadRequestError CallDelta "
        "ChunkingStrategy Client CodeInterpreterCall CodeInterpreterCallDelta "
        "CodeInterpreterPiece CodeInterpreterRecord CodeInterpreterResources CodeInterpreterTool "
        "CodeOutput CompletionTokensDetails ConfigurationError ConflictError ConstantBackoff "
        "ContentPart ContentPartInput CreatedMessage Credential Deleted Done Event "
        "ExponentialBackoff File FileCitation FileContentPage FileCounts FileExpiry FilePath "
        "FileReference FileSearchCall FileSearchCallDelta FileSearchOptions FileSearchRecord "
        "FileSearchResources FileSearchTool FileSource FoundText FunctionCall FunctionCallDelta "
        "FunctionDefinition FunctionPiece FunctionRecord FunctionTool FunctionToolCall ImageDelta "
        "ImageDetail ImageFile ImageFilePart ImageFilePartDelta ImageOutput ImageUrl ImageUrlPart "
        "ImageUrlPartDelta IncompleteDetails InputTextPart InternalServerError "
        "InvalidRequestError Journal JsonObject JsonSchema LastError LazyList LogsDelta "
        "LogsOutput Message MessageChange MessageCompleted MessageCreated MessageCreationChange "
        "MessageCreationDetails MessageDelta MessageEvent MessageInProgress MessageIncomplete "
        "MessageRequest MessageUpdate NamedFunction NamedToolChoice NewVectorStore NotFoundError "
        "OnActiveRun OnToolError OutputImage Page PartDelta PermissionDeniedError Progress "
        "PromptTokenDetails Purpose Query RankingOptions RateLimitError ReasoningEffort "
        "RefusalPart RefusalPartDelta Reply Request RequiredAction RequiredToolCall "
        "ResponseFormat ResponseFormatOption RetryPolicy Run RunCancelled RunCancelledError "
        "RunCancelling RunCompleted RunCreated RunError RunEvent RunExpired RunExpiredError "
        "RunFailed RunFailedError RunInProgress RunIncomplete RunIncompleteError RunOrIds "
        "RunQueued RunRequest RunRequiresAction RunStep RunStepCancelled RunStepCompleted "
        "RunStepCreated RunStepDelta RunStepEvent RunStepExpired RunStepFailed RunStepInProgress "
        "RunStream RunStreamRequest RunUpdate SearchHit SearchPage SearchRanking SearchRequest "
        "SearchResult SearchResultContent StaticChunking StaticChunkingSizes StepChange "
        "StepDetails StepToolCall StoreExpiry StreamError StreamInterruptedError StreamOptions "
        "Struct SubmitToolApprovalsRequest SubmitToolOutputsAction SubmitToolOutputsRequest "
        "SubmitToolOutputsStreamRequest Text TextPart TextPartDelta TextPiece Thread "
        "ThreadCreated ThreadLockedError ThreadRequest ThreadRunRequest ThreadRunStreamRequest "
        "ThreadUpdate Timeout Tool ToolApproval ToolCallsChange ToolCallsDetails ToolChoice "
        "ToolError ToolFunction ToolHandling ToolInput ToolLike ToolOutput ToolResources "
        "TruncationStrategy Unknown UnknownAnnotation UnknownCallDelta UnknownChunking "
        "UnknownEvent UnknownOutput UnknownOutputDelta UnknownPart UnknownPartDelta "
        "UnknownStepChange UnknownStepDetails UnknownTool UnknownToolCall "
        "UnprocessableEntityError Unset UnsetType UrlCitation UrlReference Usage VectorStore "
        "VectorStoreFile VectorStoreFileBatch VectorStoreFileBatchRequest VectorStoreFileRequest "
        "VectorStoreFileUpdate VectorStoreRequest VectorStoreUpdate WaitTimeoutError __version__ "
        "answer_calls as_tools tool"
    ),
    "assistants_client.engine": (
        "CODE_INTERPRETER FILE_SEARCH TOO_LONG BubblewrapInterpreter Call ChatCompletions "
        "CodeInterpreter CodeResult Conversation Delta EmbeddingError Embeddings Engine Finish "
        "FunctionSpec Image LanguageModel LanguageModelError MontyInterpreter NewId Responses "
        "Script Scripted TextDelta TokenUsage ToolCall ToolCallDelta Turn Tutor call"
    ),
    "assistants_client.engine.code_interpreter": (
        "FOLDER BubblewrapInterpreter CodeInterpreter CodeResult MontyInterpreter"
    ),
    "assistants_client.engine.language_models": (
        "CODE_INTERPRETER TOO_LONG Call ChatCompletions Conversation Delta Finish FunctionSpec "
        "Image ImageDelta LanguageModel LanguageModelError NewMessage RefusalDelta Responses "
        "Scripted State StateDelta TextDelta ThinkingDelta TokenUsage ToolCall ToolCallDelta Turn "
        "Tutor UrlCitationDelta call"
    ),
    "assistants_client.testing": ("Clock Doubles Faults ScriptedModel assistants"),
}
