"""The GraphQL schema, assembled from the types and queries."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graphql.descriptions import describe
from api.graphql.limits import CheckedDocument
from api.graphql.scalars import SCALARS
from api.graphql.schema_version import SchemaVersionQuery
from api.graphql.types.administration_proposals import AdministrationProposalQuery
from api.graphql.types.administrations import AdministrationQuery
from api.graphql.types.agreement_queries import AgreementQuery
from api.graphql.types.changes import ChangeQuery, Subscription
from api.graphql.types.clients import ClientQuery
from api.graphql.types.control_results import ControlResultQuery
from api.graphql.types.corrected_answers import CorrectedAnswerQuery
from api.graphql.types.deadline_calendar import DeadlineQuery
from api.graphql.types.disputes import DisputeQuery
from api.graphql.types.divergences import DivergenceQuery
from api.graphql.types.events import EventQuery
from api.graphql.types.log import LogQuery
from api.graphql.types.mutations import Mutation
from api.graphql.types.nodes import NodeQuery
from api.graphql.types.operator_queries import OperatorQuery
from api.graphql.types.programmes import ProgrammeQuery
from api.graphql.types.proposals import ProposalQuery
from api.graphql.types.publications import PublicationQuery
from api.graphql.types.receipts import ReceiptQuery
from api.graphql.types.recognition_queries import RecognitionQuery
from api.graphql.types.recognition_questions import RecognitionQuestionQuery
from api.graphql.types.viewer import ViewerQuery
from api.graphql.types.webhooks import WebhookQuery


@strawberry.type
class Query(
    OperatorQuery,
    RecognitionQuery,
    RecognitionQuestionQuery,
    ReceiptQuery,
    ControlResultQuery,
    AgreementQuery,
    AdministrationQuery,
    ProgrammeQuery,
    PublicationQuery,
    ChangeQuery,
    DivergenceQuery,
    CorrectedAnswerQuery,
    EventQuery,
    DeadlineQuery,
    ClientQuery,
    ProposalQuery,
    DisputeQuery,
    AdministrationProposalQuery,
    LogQuery,
    ViewerQuery,
    WebhookQuery,
    SchemaVersionQuery,
    NodeQuery,
):
    """The queries: everything that can be read."""


class Prepared(SchemaExtension):
    """Executes a document that was parsed, validated and limited before (api.graphql.limits),
    without doing it again."""

    def on_operation(self) -> Iterator[None]:
        """Takes the document as the executor has parsed it, so that it is not parsed again."""
        given = self.execution_context.operation_extensions or {}
        document: CheckedDocument = given["document"]
        self.execution_context.graphql_document = document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Leaves out validation, which the executor has done."""
        self.execution_context.validation_rules = ()
        yield


class Schema(strawberry.Schema):
    """The GraphQL schema of the service. Errors of a resolver are logged by the executor alone."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Does nothing: the executor distinguishes faults from refusals, and logs the faults."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    extensions=[Prepared],
    config=StrawberryConfig(scalar_map=SCALARS),
)
#: The schema of graphql-core beneath, for what strawberry has no API for. Its text is committed as
#: api/schema.graphql; a test fails when that is out of date.
core: GraphQLSchema = schema._schema
describe(core)
