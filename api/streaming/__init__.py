"""Operations whose answers come one after the other: over WebSocket, and as server-sent events."""
