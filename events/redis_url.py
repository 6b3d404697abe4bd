"""What is said of a URL that is none of a Redis; the same for all that is kept there."""

from cinegraph.errors import InvalidInput


def no_redis(error: ValueError) -> InvalidInput:
    """Our error for what Redis' client said of the URL of the settings."""
    return InvalidInput(f"CINEGRAPH_EVENTS__REDIS is no URL of a Redis ({error}); one looks like redis://HOST:6379/0")
