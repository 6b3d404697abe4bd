"""The GraphQL types: thin, each field with its meaning in the graph beside it."""
