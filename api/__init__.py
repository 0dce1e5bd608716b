"""The service: GraphQL, HTTP, pages and the command line."""
