"""How much an event may hold. A module of its own, because a runner needs the numbers before it needs an event."""

MAX_MESSAGE_CHARACTERS = 4096
MAX_LOG_TAIL_BYTES = 8 * 1024
"""Of UTF-8."""
MAX_PAYLOAD_BYTES = 64 * 1024
"""Of UTF-8, as `json.dumps(payload, ensure_ascii=False)` writes it."""
