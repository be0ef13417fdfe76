"""The objects of the protocol, as attrs classes: no I/O, and no client. Names only."""

from typing import TYPE_CHECKING, Any

from assistants_client._lazy_names import lazy_names
from assistants_client._public_names import MODULE_OF
from assistants_client.models._base import register_html

# A type checker sees them all; a program imports those it names, when it names them.
if TYPE_CHECKING:
    from assistants_client.models._base import (
        UNSET as UNSET,
        JsonObject as JsonObject,
        Request as Request,
        Struct as Struct,
        Unknown as Unknown,
        Unset as Unset,
        UnsetType as UnsetType,
    )
    from assistants_client.models.assistants import (
        Assistant as Assistant,
        AssistantRequest as AssistantRequest,
        AssistantUpdate as AssistantUpdate,
    )
    from assistants_client.models.chunking import (
        AutoChunking as AutoChunking,
        ChunkingStrategy as ChunkingStrategy,
        StaticChunking as StaticChunking,
        StaticChunkingSizes as StaticChunkingSizes,
        UnknownChunking as UnknownChunking,
    )
    from assistants_client.models.endings import (
        IncompleteDetails as IncompleteDetails,
        LastError as LastError,
    )
    from assistants_client.models.events import (
        CallDelta as CallDelta,
        CodeInterpreterCallDelta as CodeInterpreterCallDelta,
        CodeInterpreterPiece as CodeInterpreterPiece,
        Done as Done,
        Event as Event,
        FileSearchCallDelta as FileSearchCallDelta,
        FunctionCallDelta as FunctionCallDelta,
        FunctionPiece as FunctionPiece,
        ImageDelta as ImageDelta,
        ImageFilePartDelta as ImageFilePartDelta,
        ImageUrlPartDelta as ImageUrlPartDelta,
        LogsDelta as LogsDelta,
        MessageChange as MessageChange,
        MessageCompleted as MessageCompleted,
        MessageCreated as MessageCreated,
        MessageCreationChange as MessageCreationChange,
        MessageDelta as MessageDelta,
        MessageEvent as MessageEvent,
        MessageIncomplete as MessageIncomplete,
        MessageInProgress as MessageInProgress,
        PartDelta as PartDelta,
        RefusalPartDelta as RefusalPartDelta,
        RunCancelled as RunCancelled,
        RunCancelling as RunCancelling,
        RunCompleted as RunCompleted,
        RunCreated as RunCreated,
        RunEvent as RunEvent,
        RunExpired as RunExpired,
        RunFailed as RunFailed,
        RunIncomplete as RunIncomplete,
        RunInProgress as RunInProgress,
        RunQueued as RunQueued,
        RunRequiresAction as RunRequiresAction,
        RunStepCancelled as RunStepCancelled,
        RunStepCompleted as RunStepCompleted,
        RunStepCreated as RunStepCreated,
        RunStepDelta as RunStepDelta,
        RunStepEvent as RunStepEvent,
        RunStepExpired as RunStepExpired,
        RunStepFailed as RunStepFailed,
        RunStepInProgress as RunStepInProgress,
        StepChange as StepChange,
        TextPartDelta as TextPartDelta,
        TextPiece as TextPiece,
        ThreadCreated as ThreadCreated,
        ToolCallsChange as ToolCallsChange,
        UnknownCallDelta as UnknownCallDelta,
        UnknownEvent as UnknownEvent,
        UnknownOutputDelta as UnknownOutputDelta,
        UnknownPartDelta as UnknownPartDelta,
        UnknownStepChange as UnknownStepChange,
    )
    from assistants_client.models.files import (
        File as File,
        FileExpiry as FileExpiry,
    )
    from assistants_client.models.lists import (
        Deleted as Deleted,
        Page as Page,
    )
    from assistants_client.models.messages import (
        Annotation as Annotation,
        Attachment as Attachment,
        ContentPart as ContentPart,
        ContentPartInput as ContentPartInput,
        FileCitation as FileCitation,
        FilePath as FilePath,
        FileReference as FileReference,
        ImageDetail as ImageDetail,
        ImageFile as ImageFile,
        ImageFilePart as ImageFilePart,
        ImageUrl as ImageUrl,
        ImageUrlPart as ImageUrlPart,
        InputTextPart as InputTextPart,
        Message as Message,
        MessageRequest as MessageRequest,
        MessageUpdate as MessageUpdate,
        OnActiveRun as OnActiveRun,
        RefusalPart as RefusalPart,
        Text as Text,
        TextPart as TextPart,
        UnknownAnnotation as UnknownAnnotation,
        UnknownPart as UnknownPart,
        UrlCitation as UrlCitation,
        UrlReference as UrlReference,
    )
    from assistants_client.models.replies import (
        Reply as Reply,
    )
    from assistants_client.models.run_requests import (
        RunRequest as RunRequest,
        RunUpdate as RunUpdate,
        SubmitToolApprovalsRequest as SubmitToolApprovalsRequest,
        SubmitToolOutputsRequest as SubmitToolOutputsRequest,
        ThreadRunRequest as ThreadRunRequest,
        ToolApproval as ToolApproval,
        ToolOutput as ToolOutput,
    )
    from assistants_client.models.run_steps import (
        CodeInterpreterCall as CodeInterpreterCall,
        CodeInterpreterRecord as CodeInterpreterRecord,
        CodeOutput as CodeOutput,
        CreatedMessage as CreatedMessage,
        FileSearchCall as FileSearchCall,
        FileSearchRecord as FileSearchRecord,
        FunctionRecord as FunctionRecord,
        FunctionToolCall as FunctionToolCall,
        ImageOutput as ImageOutput,
        LogsOutput as LogsOutput,
        MessageCreationDetails as MessageCreationDetails,
        OutputImage as OutputImage,
        RunStep as RunStep,
        SearchResult as SearchResult,
        SearchResultContent as SearchResultContent,
        StepDetails as StepDetails,
        StepToolCall as StepToolCall,
        ToolCallsDetails as ToolCallsDetails,
        UnknownOutput as UnknownOutput,
        UnknownStepDetails as UnknownStepDetails,
        UnknownToolCall as UnknownToolCall,
    )
    from assistants_client.models.run_streams import (
        Approve as Approve,
        Journal as Journal,
        OnToolError as OnToolError,
        RunStreamRequest as RunStreamRequest,
        StreamOptions as StreamOptions,
        SubmitToolOutputsStreamRequest as SubmitToolOutputsStreamRequest,
        ThreadRunStreamRequest as ThreadRunStreamRequest,
        ToolHandling as ToolHandling,
    )
    from assistants_client.models.runs import (
        ACTIVE_STATUSES as ACTIVE_STATUSES,
        FINAL_STATUSES as FINAL_STATUSES,
        CompletionTokensDetails as CompletionTokensDetails,
        FunctionCall as FunctionCall,
        PromptTokenDetails as PromptTokenDetails,
        RequiredAction as RequiredAction,
        RequiredToolCall as RequiredToolCall,
        Run as Run,
        SubmitToolOutputsAction as SubmitToolOutputsAction,
        Usage as Usage,
    )
    from assistants_client.models.threads import (
        Thread as Thread,
        ThreadRequest as ThreadRequest,
        ThreadUpdate as ThreadUpdate,
    )
    from assistants_client.models.tools import (
        CodeInterpreterResources as CodeInterpreterResources,
        CodeInterpreterTool as CodeInterpreterTool,
        FileSearchOptions as FileSearchOptions,
        FileSearchResources as FileSearchResources,
        FileSearchTool as FileSearchTool,
        FunctionDefinition as FunctionDefinition,
        FunctionTool as FunctionTool,
        JsonSchema as JsonSchema,
        NamedFunction as NamedFunction,
        NamedToolChoice as NamedToolChoice,
        NewVectorStore as NewVectorStore,
        RankingOptions as RankingOptions,
        ReasoningEffort as ReasoningEffort,
        ResponseFormat as ResponseFormat,
        ResponseFormatOption as ResponseFormatOption,
        Tool as Tool,
        ToolChoice as ToolChoice,
        ToolInput as ToolInput,
        ToolResources as ToolResources,
        TruncationStrategy as TruncationStrategy,
        UnknownTool as UnknownTool,
    )
    from assistants_client.models.vector_stores import (
        Attributes as Attributes,
        FileContentPage as FileContentPage,
        FileCounts as FileCounts,
        FoundText as FoundText,
        SearchHit as SearchHit,
        SearchPage as SearchPage,
        SearchRanking as SearchRanking,
        SearchRequest as SearchRequest,
        StoreExpiry as StoreExpiry,
        VectorStore as VectorStore,
        VectorStoreFile as VectorStoreFile,
        VectorStoreFileBatch as VectorStoreFileBatch,
        VectorStoreFileBatchRequest as VectorStoreFileBatchRequest,
        VectorStoreFileRequest as VectorStoreFileRequest,
        VectorStoreFileUpdate as VectorStoreFileUpdate,
        VectorStoreRequest as VectorStoreRequest,
        VectorStoreUpdate as VectorStoreUpdate,
    )
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            name: module.removeprefix("models.")
            for name, module in MODULE_OF.items()
            if module.startswith("models.")
        },
    )


def _html(struct: Any) -> str:
    # Only notebooks need it.
    from assistants_client.models._html import object_html

    return object_html(struct)


register_html(_html)
