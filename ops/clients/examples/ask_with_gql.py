import os

from gql import Client, GraphQLRequest
from gql.transport.requests import RequestsHTTPTransport

transport = RequestsHTTPTransport(
    os.environ["REGISTRY_URL"] + "/graphql",
    headers={"Authorization": "Bearer " + os.environ["REGISTRY_TOKEN"]},
    timeout=10,
)
question = GraphQLRequest(
    """
    query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
      early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
      late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
    }
    """,
    variable_values={
        "tin": "CN0000000012",
        "in": "SG",
        "early": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-06T00:00:00Z"},
        "late": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-11T00:00:00Z"},
    },
)
answer = Client(transport=transport).execute(question)
print("early:", answer["early"]["outcome"])
print("late:", answer["late"]["outcome"])
