"""What each value of each enum of the schema means, for a partner's programmer.

A test requires an entry for every value, so a new value is described or the suite fails.
"""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLSchema

from api.graphql.codes import REFUSALS

VALUES: dict[str, dict[str, str]] = {
    "RefusalCode": REFUSALS,
    "Role": {
        "IMPORTER": "Brings goods into a customs territory.",
        "EXPORTER": "Sends goods out of a customs territory.",
        "MANUFACTURER": "Makes the goods.",
        "CARRIER": "Transports the goods.",
        "FREIGHT_FORWARDER": "Arranges transport for others.",
        "CUSTOMS_BROKER": "Makes customs declarations for others.",
        "WAREHOUSE_KEEPER": "Keeps goods in a warehouse under customs control.",
        "TERMINAL_OPERATOR": "Runs a port, an airport or another terminal.",
        "EXPRESS_CARRIER": "Carries express consignments.",
        "OTHER": "Takes another part in the supply chain.",
    },
    "AuthorisationStatus": {
        "NONE": "No application and no authorisation is on record.",
        "LODGED": "An application was lodged and is not accepted yet.",
        "ACCEPTED": "The application was accepted: the time limit for the decision runs.",
        "UNDER_EXAMINATION": "The customs administration examines the applicant.",
        "GRANTED": "The authorisation was granted and its day of effect is still ahead.",
        "VALID": "The authorisation is in effect.",
        "SUSPENDED": "The authorisation is suspended as a whole.",
        "REVOKED": "The authorisation was revoked: what was before the day of effect stays valid.",
        "ANNULLED": "The authorisation was annulled: it never was, from the day of the grant on.",
        "SURRENDERED": "The operator gave the authorisation back.",
        "EXPIRED": "The last civil day of the authorisation has passed.",
        "SUPERSEDED": "The operator was merged into another, which answers in its place.",
        "NOT_ACCEPTED": "The application was not acceptable.",
        "WITHDRAWN": "The applicant withdrew the application.",
        "REFUSED": "The application was refused.",
        "DECISION_AWAITED": "The day has passed, and by the programme's rule only a decision ends "
        "validity or a suspension: recognition is UNKNOWN until then.",
        "LISTED": "A published list of the authority names the operator; no decision is on record.",
        "UNCERTAIN": "Between two published lists nobody knows on which day this began or ended.",
        "DELISTED": "A later published list of the authority no longer names the operator.",
    },
    "Sense": {
        "CUSTOMS_TERRITORY": "Member of the bloc's customs territory: this decides recognition.",
        "UNION": "Member of the union itself.",
    },
    "RuleState": {
        "VALUE": "The rule has a value, with its source.",
        "NONE": "The law has no such rule, by a source that says so.",
        "UNKNOWN": "Nobody knows the rule: this is not the same as none.",
    },
    "Outcome3": {
        "RECOGNISED": "The operator is recognised.",
        "NOT_RECOGNISED": "The operator is not recognised; the reasons say why.",
        "UNKNOWN": "A fact is missing or may not be told: this is not a no.",
    },
    "ReasonCode": {
        "IN_FORCE": "An agreement is in force and covers the authorisation.",
        "NO_AUTHORISATION": "The operator has no authorisation that could be recognised.",
        "NOT_YET_EFFECTIVE": "The authorisation was granted and is not in effect yet.",
        "AUTHORISATION_SUSPENDED": "The part that counts abroad is suspended.",
        "AUTHORISATION_ENDED": "The authorisation ended.",
        "NO_AGREEMENT": "No agreement links the two administrations.",
        "AGREEMENT_NOT_IMPLEMENTED": "The agreement is not in practice on that day.",
        "AGREEMENT_SUSPENDED": "A side has suspended the agreement in this direction.",
        "AGREEMENT_TERMINATED": "The agreement has ended.",
        "TYPE_OUT_OF_SCOPE": "The agreement does not cover this type of authorisation.",
        "ROLE_OUT_OF_SCOPE": "The agreement does not cover this role.",
        "DIRECTION_OUT_OF_SCOPE": "The agreement does not cover this direction of the goods.",
        "GOODS_OUT_OF_SCOPE": "The agreement does not cover these goods.",
        "CROSSING_OUT_OF_SCOPE": "The agreement does not cover this border crossing or mode.",
        "NO_INFORMATION": "Nothing can be told: the operator is unknown here, or not shown to you.",
        "UNMATCHED_IDENTIFIER": "Recognised in law, but no identifier of the scheme by which the "
        "partner matches operators is known.",
        "STALE_DATA": "The data are older than the agreement allows.",
        "DATE_UNCERTAIN": "The answer depends on a day that no source gives.",
        "SAME_ADMINISTRATION": "The territory is the operator's own.",
        "NO_CONSENT": "The operator has not consented to this partner. Told to the operator, its "
        "home customs and auditors; others are told NO_INFORMATION.",
        "DECISION_AWAITED": "An end has passed, and only a decision ends it by the programme's "
        "rule.",
    },
    "AgreementKind": {
        "AEO_MUTUAL_RECOGNITION": "Operators authorised by one side get benefits on the other.",
        "CONTROL_RESULTS": "One side relies on the other's inspection of goods.",
        "GREEN_LANE": "Faster clearance for goods at named crossings.",
        "MUTUAL_ASSISTANCE": "Administrative assistance in customs matters.",
        "DATA_EXCHANGE": "Exchange of data at agreed times.",
        "ENFORCEMENT_COOPERATION": "Cooperation in enforcement: risk analysis, joint operations.",
        "SINGLE_WINDOW": "Interconnection of single windows.",
        "REGIONAL_MINUTES": "Minutes between customs offices below the state.",
        "WORKING_GROUP": "A standing working group.",
        "TRANSIT_CONVENTION": "A multilateral convention on transit.",
        "RAIL_FACILITATION": "Customs and railways working together.",
        "PORT_TO_PORT": "Cooperation between named ports.",
        "OTHER": "Another kind of customs cooperation.",
    },
    "Pillar": {
        "INFORMATION_EXCHANGE": "Exchange of information.",
        "CONTROL_RECOGNITION": "Mutual recognition of controls.",
        "ENFORCEMENT_ASSISTANCE": "Mutual assistance in enforcement.",
    },
    "AgreementStatus": {
        "PROPOSED": "It is on record; no step was certainly taken.",
        "NEGOTIATING": "Negotiations have begun.",
        "ACTION_PLAN": "An action plan was signed. An action plan is not an agreement.",
        "SIGNED": "The agreement was signed.",
        "PILOT": "A pilot has begun.",
        "IN_FORCE": "At least one side applies the agreement.",
        "SUSPENDED": "Every party has suspended the agreement.",
        "TERMINATED": "The agreement has ended.",
        "SIGNED_OR_LATER": "As a filter: signed, pilot, in force or suspended.",
    },
    "Direction": {
        "IMPORT": "Goods that come into the territory asked about.",
        "EXPORT": "Goods that leave the territory asked about.",
    },
    "ClauseState": {
        "TERMINATED": "The agreement has ended.",
        "SUSPENDED": "A side has suspended the agreement in this direction.",
        "NOT_IMPLEMENTED": "The importing side does not apply the agreement yet.",
        "UNCERTAIN": "No source says whether the clause holds on that day.",
        "LIVE": "The clause holds.",
    },
    "ContactRole": {
        "CUSTOMS_CONTACT": "The person whom customs turns to.",
        "RESPONSIBLE_FOR_CUSTOMS": "Responsible for the operator's customs matters.",
        "IN_CHARGE": "In charge of the operator, or exercising control over its management.",
        "SECURITY_CONTACT": "The contact for safety and security.",
    },
    "TargetOutcome": {
        "MET": "The record shows the goal met by its deadline.",
        "NOT_MET": "The record shows the goal missed.",
        "UNKNOWN": "The record does not say, and why is in the explanation.",
    },
    "Step": {
        "PROPOSED": "The agreement was proposed.",
        "NEGOTIATING": "Negotiations began.",
        "ACTION_PLAN": "An action plan was signed.",
        "SIGNED": "The agreement was signed.",
        "PILOT": "A pilot began.",
        "IMPLEMENTED": "A side began to apply the agreement.",
        "TERMINATED": "The agreement ended.",
        "LISTED": "A side lists the agreement among those in force.",
        "MEETING": "A meeting was held.",
        "EXERCISE": "A joint exercise was held.",
        "ANNOUNCED": "Something was announced.",
    },
}


def describe_values(schema: GraphQLSchema) -> None:
    """Gives each value of each enum its meaning."""
    for name, meanings in VALUES.items():
        kind = schema.type_map.get(name)
        if isinstance(kind, GraphQLEnumType):
            for value, entry in kind.values.items():
                entry.description = entry.description or meanings.get(value)
