"""The GraphQL API: Strawberry schema on Starlette, the GraphQL-to-Cypher compiler, limits, tokens."""
