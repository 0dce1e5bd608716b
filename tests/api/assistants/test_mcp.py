"""An assistant asks through tools: the same answers, rights and looks, and nothing is recorded."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import parse, validate
from graphql.language import OperationDefinitionNode, OperationType
from mcp import ClientSession, StdioServerParameters, stdio_client

from api.access.tokens import issue
from api.assistants import documents
from api.assistants.server import server as assistant_server
from api.assistants.source import AssistantSource
from api.assistants.tools import Tools
from api.graphql.schema import core
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client
from tests.api.served import served

PURPOSE = "a declaration that an assistant prepares"
NOBODY = AssistantSource("http://127.0.0.1:9", None, PURPOSE)


@pytest.fixture(scope="module")
def address(counter: Client) -> Iterator[str]:
    with served(counter.database, counter.home) as url:
        yield url


@asynccontextmanager
async def assistant(address: str, counter: Client, by: str | None) -> AsyncIterator[ClientSession]:
    """An assistant's program that has started `aeo mcp`, for somebody or for the public."""
    token = {"AEO_TOKEN": issue(by, counter.home)} if by else {}
    command = ["-m", "api", "mcp", "--url", address, "--purpose", PURPOSE]
    started = StdioServerParameters(command=sys.executable, args=command, env=os.environ | token)
    async with stdio_client(started) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


def said(
    address: str,
    counter: Client,
    by: str | None,
    ask: Callable[[ClientSession], Awaitable[Any]],
) -> Any:
    async def talk() -> Any:
        async with assistant(address, counter, by) as session:
            return await ask(session)

    return asyncio.run(talk())


QUESTIONS = {
    name: text
    for name, text in vars(documents).items()
    if name.isupper() and not name.startswith("_")
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_is_one_that_the_register_answers_and_records_nothing(name: str) -> None:
    document = parse(QUESTIONS[name])
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.operation is OperationType.QUERY
    assert validate(core, document) == []


def test_every_tool_says_that_it_only_reads_and_what_each_argument_is() -> None:
    tools = asyncio.run(assistant_server(NOBODY).list_tools())
    assert {tool.name for tool in tools} == {
        name for name in vars(Tools) if not name.startswith("_") and name != "all"
    }
    assert len(tools) == len(QUESTIONS)
    for tool in tools:
        assert tool.annotations and tool.annotations.read_only_hint, tool.name
        assert tool.description, tool.name
        assert tool.input_schema["additionalProperties"] is False, tool.name
        for argument, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), (tool.name, argument)


def test_an_assistant_of_korea_gets_koreas_answer_and_its_look_is_kept(
    address: str, counter: Client
) -> None:
    at = "2020-01-01T00:00:00Z"
    question = {"tin": ACME, "territory": "KR", "at": at}

    async def ask(session: ClientSession) -> Any:
        return [
            await session.call_tool("recognition", question),
            await session.call_tool("who_am_i", {}),
        ]

    recognition, viewer = said(address, counter, KOREA, ask)
    assert not recognition.is_error and not viewer.is_error
    known = recognition.structured_content["recognition"]["knownAt"]
    same = counter.ask(
        documents.RECOGNITION,
        by=KOREA,
        tin=ACME,
        **{"in": "KR"},
        asOf={"at": at, "knownAt": known},
    )
    assert recognition.structured_content == same
    assert viewer.structured_content["viewer"]["subject"] == KOREA
    looks = counter.ask(
        f'{{ operator(tin: "{ACME}") {{ looks {{ edges {{ node {{ purpose }} }} }} }} }}', CHINA
    )
    purposes = [edge["node"]["purpose"] for edge in looks["operator"]["looks"]["edges"]]
    assert PURPOSE in purposes


def test_every_tool_asks_its_question_and_what_is_refused_is_an_error_with_its_code(
    address: str, counter: Client
) -> None:
    """Each with arguments as an assistant gives them: of the small world, by an auditor."""
    calls: dict[str, dict[str, Any]] = {
        "recognition": {"tin": ACME, "territory": "KR", "role": "EXPORTER"},
        "recognitions": {"tins": [ACME, "CN0000000000"], "territory": "KR"},
        "operator": {"tin": ACME},
        "operators_by_certificate": {"number": "X-1"},
        "operator_history": {"tin": ACME},
        "agreement": {"code": "CN-KR-AEO"},
        "agreements": {"party": "CN"},
        "partners": {"territory": "CN"},
        "control_result": {
            "from_territory": "CN",
            "to_territory": "KR",
            "crossing": "Suifenhe",
            "hs": "1201",
        },
        "administration": {"territory": "EU"},
        "programme": {"code": "CN-AEO"},
        "targets": {},
        "claims": {"subject": "CN"},
        "documents": {"contains": "order"},
        "changes": {"territory": "KR", "after": 0},
        "log": {},
        "who_am_i": {},
    }

    async def ask(session: ClientSession) -> Any:
        names = [tool.name for tool in (await session.list_tools()).tools]
        assert set(names) == set(calls)
        wrong = await session.call_tool("recognition", {"tin": "no number", "territory": "KR"})
        # Not the name of the argument: left out, the question would be about now.
        misnamed = calls["recognition"] | {"knownAt": "2020-01-01T00:00:00Z"}
        other = await session.call_tool("recognition", misnamed)
        return {name: await session.call_tool(name, calls[name]) for name in names}, wrong, other

    answers, wrong, other = said(address, counter, AUDITOR, ask)
    assert other.is_error and "knownAt" in other.content[0].text
    unsigned = answers.pop("log")  # nothing has signed the log of this world yet
    assert unsigned.is_error and "NOT_SIGNED" in unsigned.content[0].text
    for name, answer in answers.items():
        assert not answer.is_error, (name, answer.content)
    assert answers["operator"].structured_content["operator"]["name"] == "Acme"
    assert answers["agreement"].structured_content["agreement"]["code"] == "CN-KR-AEO"
    assert wrong.is_error and "no number" in wrong.content[0].text

    async def ask_as_public(session: ClientSession) -> Any:
        return await session.call_tool("recognition", calls["recognition"])

    refused = said(address, counter, None, ask_as_public)
    assert refused.is_error and "FORBIDDEN" in refused.content[0].text


def test_a_register_that_does_not_answer_is_an_error_that_says_nothing_of_an_operator() -> None:
    with pytest.raises(Exception, match="this says nothing about the operator"):
        asyncio.run(Tools(NOBODY).recognition(ACME, "KR"))
