"""The server of the Model Context Protocol: the tools, over standard input and output."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from api.assistants.source import AssistantSource
from api.assistants.tools import Answer, Tools
from registry import __version__

INSTRUCTIONS = """
The register of authorised economic operators (AEO) and of the agreements by which customs
administrations recognise each other's operators. Every answer is about an instant of valid time
(`at`: the law of that instant) as known at an instant of transaction time (`known_at`); both are
now if they are not given. UNKNOWN is an answer of its own: it never means "no". An error says that
the question was refused or not answered, and nothing about an operator. Give `position`, `at` and
`knownAt` with what you report, so that others can ask again. Nothing can be recorded here.
"""

READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def server(source: AssistantSource) -> MCPServer:
    """Returns a server whose tools ask that register."""
    return MCPServer(
        "aeo",
        title="AEO mutual recognition register",
        instructions=INSTRUCTIONS.strip(),
        version=__version__,
        log_level="WARNING",
        tools=[_strict(tool) for tool in Tools(source).all()],
    )


def _strict(question: Callable[..., Awaitable[Answer]]) -> Tool:
    """Returns a tool that refuses an argument that it does not have. The library would leave it
    out, and a question about a day in the past (`knownAt`, `date`) be answered about now."""
    tool = Tool.from_function(question, annotations=READS)
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool
