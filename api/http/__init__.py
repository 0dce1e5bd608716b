"""The HTTP service.

GraphQL over HTTP, health, the log's tiles, rate limits and consistency headers.
"""
