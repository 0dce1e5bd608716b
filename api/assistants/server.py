"""The server of the Model Context Protocol: the tools, over standard input and output."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from api.assistants.source import AssistantSource
from api.assistants.tools import Tools
from registry import __version__

INSTRUCTIONS = """
The register of authorised economic operators (AEO) and of the agreements by which customs
administrations recognise each other's operators. Every answer is about an instant of valid time
(`at`: the law of that instant) as known at an instant of transaction time (`known_at`); both are
now if they are not given. UNKNOWN is an answer of its own: it never means "no". An error says that
the question was refused or not answered, and nothing about an operator. Give `position`, `at` and
`knownAt` with what you report, so that others can ask again. Nothing can be recorded here.
"""


def server(source: AssistantSource) -> MCPServer:
    """Returns a server whose tools ask that register."""
    made = MCPServer(
        "aeo",
        title="AEO mutual recognition register",
        instructions=INSTRUCTIONS.strip(),
        version=__version__,
        log_level="WARNING",
    )
    for tool in Tools(source).all():
        made.add_tool(
            tool,
            annotations=ToolAnnotations(
                read_only_hint=True,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )
    return made
