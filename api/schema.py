"""The schema, assembled from its parts."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.administrations import AdministrationQuery
from api.agreements import AgreementQuery
from api.changes import ChangeQuery
from api.control_results import ControlResultQuery
from api.corrected import CorrectedAnswerQuery
from api.divergences import DivergenceQuery
from api.events import EventQuery
from api.glossary import describe
from api.limits import Document
from api.log import LogQuery
from api.mutations import Mutation
from api.nodes import NodeQuery
from api.operators import OperatorQuery
from api.programmes import ProgrammeQuery
from api.publications import PublicationQuery
from api.recognition import RecognitionQuery
from api.recognition_questions import RecognitionQuestionQuery
from api.schema_version import SchemaVersionQuery
from api.viewer import ViewerQuery
from api.vocabulary import SCALARS


@strawberry.type(description="Everything that can be asked.")
class Query(
    OperatorQuery,
    RecognitionQuery,
    RecognitionQuestionQuery,
    ControlResultQuery,
    AgreementQuery,
    AdministrationQuery,
    ProgrammeQuery,
    PublicationQuery,
    ChangeQuery,
    DivergenceQuery,
    CorrectedAnswerQuery,
    EventQuery,
    LogQuery,
    ViewerQuery,
    SchemaVersionQuery,
    NodeQuery,
): ...


class Prepared(SchemaExtension):
    """Executes the document that was read, validated and measured before."""

    def on_operation(self) -> Iterator[None]:
        given = self.execution_context.operation_extensions or {}
        document: Document = given["document"]
        self.execution_context.graphql_document = document.node
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.validation_rules = ()
        yield


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: the counter tells faults from answers, and logs the faults."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    extensions=[Prepared],
    config=StrawberryConfig(scalar_map=SCALARS),
)
#: The same as text, committed beside the code; a test says when it is out of date.
#: The same schema as graphql-core knows it, for what strawberry has no door to.
core: GraphQLSchema = schema._schema
describe(core)
