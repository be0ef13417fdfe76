"""What comes with 200, or from somebody else, and is no answer at all."""

from __future__ import annotations

import json
from typing import Final

from server_answers import (
    document,
    in_turn,
    refuses,
    says,
    sse,
)

from behaviours.row import FUNCTIONS, Row, brief, fails

_GENERATED: Final = {
    "error": {
        "message": "Failed to call a function. Please adjust your prompt. See 'failed_generation' "
        "for more details.",
        "type": "invalid_request_error",
        "code": "tool_use_failed",
        "failed_generation": '<function=get_weather{"city": "Oslo"}</function>',
    }
}

NO_ANSWERS: Final = [
    brief(
        "a website: a page with 200",
        "https://github.com/openclaw/openclaw/issues/84697",
        "Answers with a page, for the base URL lacks its end.",
        document(b"<html>Welcome!</html>", kind="text/html"),
        fails("server_error", "200", "text/html"),
    ),
    brief(
        "a website: a page with 404",
        "https://github.com/egoist/chatwise-releases/issues/1346",
        "Answers with a page, for the base URL lacks its end.",
        document(b"<html>404 Not Found</html>", 404, "text/html"),
        fails("server_error", "404", "it usually ends in /v1"),
    ),
    brief(
        "proxies: null with 200",
        "https://github.com/Aider-AI/aider/issues/3550",
        "Answers null.",
        document(None),
        fails("server_error", "null"),
    ),
    brief(
        "MiniMax: base_resp and no choices",
        "https://github.com/edenai/edenai-apis/pull/360",
        "Answers 200 without choices, and says what went wrong in base_resp.",
        document(
            {
                "choices": None,
                "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"},
            }
        ),
        fails("rate_limit_exceeded", "insufficient balance"),
    ),
    # --- what the model itself did
    Row(
        name="Groq: a failed generation",
        version="2025-07 to 2026-06",
        source="https://github.com/anomalyco/opencode/issues/1018",
        does="Refuses with 400 what its own model wrote, and shows that beside its words.",
        answers=in_turn(refuses(400, _GENERATED), says()),
        run=FUNCTIONS,
        right=fails("server_error", "<function=get_weather"),
    ),
    Row(
        name="Groq: a failed generation in a stream",
        version="2026-02",
        source="https://github.com/HunorLaczko/ha-groq-cloud-api/issues/20",
        does="Tells within a 200 stream that its own model wrote no call.",
        answers=in_turn(
            sse(f"event: error\ndata: {json.dumps(_GENERATED)}\n\n", done=False), says()
        ),
        run=FUNCTIONS,
        right=fails("server_error", "<function=get_weather"),
    ),
]
