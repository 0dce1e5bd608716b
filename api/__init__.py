"""The counter: GraphQL, HTTP, pages and the command line."""
