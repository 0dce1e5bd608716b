"""The GraphQL types with their resolvers: one module a noun."""
