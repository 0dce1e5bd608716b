"""The descriptions of the values of each GraphQL enum: public text, for a partner's programmer.

A test requires an entry for every value.
"""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLSchema

from api.graphql.codes import REFUSALS

VALUES: dict[str, dict[str, str]] = {
    "RefusalCode": REFUSALS,
    "Role": {
        "IMPORTER": "Brings goods into a customs territory.",
        "EXPORTER": "Sends goods out of a customs territory.",
        "MANUFACTURER": "Produces the goods.",
        "CARRIER": "Transports the goods.",
        "FREIGHT_FORWARDER": "Arranges the transport of goods for others.",
        "CUSTOMS_BROKER": "Lodges customs declarations for others.",
        "WAREHOUSE_KEEPER": "Keeps goods in a warehouse under customs control.",
        "TERMINAL_OPERATOR": "Operates a port, an airport or another terminal.",
        "EXPRESS_CARRIER": "Carries express consignments.",
        "OTHER": "Has another role in the supply chain.",
    },
    "OperatorOrder": {
        "TIN": "By TIN.",
        "NAME": "By name, without accents and letter case.",
        "STANDING": "By status, the best first.",
        "AUTHORISED": "By the first day from which an authorisation counts; those without one "
        "last.",
    },
    "CertificateStatus": {
        "VALID": "The authorisation that it states is valid, at home and abroad.",
        "SUSPENDED": "The authorisation, or the part that partners recognise, is suspended.",
        "ENDED": "The authorisation has ended.",
    },
    "ProposalState": {
        "OPEN": "It waits for a second person.",
        "CONFIRMED": "A second person confirmed it, and the decision was recorded with it.",
        "REJECTED": "A second person rejected it.",
        "WITHDRAWN": "Whoever proposed it withdrew it.",
        "LAPSED": "Its last day passed, and nobody had confirmed it.",
    },
    "WebhookSignature": {
        "ED25519": "An asymmetric signature (`v1a`), checked with the public key of the service.",
        "HMAC": "HMAC-SHA-256 (`v1`) with a secret that the receipt of `registerWebhook` shows.",
    },
    "WebhookState": {
        "DELIVERING": "Messages are accepted, or there was none yet.",
        "RETRYING": "The last message was not accepted; it is sent again.",
        "STOPPED": "The receiver said that it is gone (410); nothing more is sent.",
    },
    "AuthorisationStatus": {
        "NONE": "No application and no authorisation is on record.",
        "LODGED": "An application was lodged; it is not accepted yet.",
        "ACCEPTED": "The application was accepted. The time limit for the decision has begun.",
        "UNDER_EXAMINATION": "The customs administration is examining the applicant.",
        "GRANTED": "The authorisation was granted, but its day of effect has not come yet.",
        "VALID": "The authorisation is in effect.",
        "SUSPENDED": "The authorisation is suspended as a whole.",
        "REVOKED": "The authorisation was revoked. It remains valid for the days before the "
        "revocation took effect.",
        "ANNULLED": "The authorisation was annulled: it counts as never granted, from the first "
        "day.",
        "SURRENDERED": "The operator gave up the authorisation.",
        "EXPIRED": "The last civil day of the authorisation has passed.",
        "SUPERSEDED": "The operator was merged into another operator, its `successor`.",
        "NOT_ACCEPTED": "The application was rejected as not acceptable, before any examination.",
        "WITHDRAWN": "The applicant withdrew the application.",
        "REFUSED": "The application was refused after its examination.",
        "DECISION_AWAITED": "The last day of a term or of a suspension has passed, but under the "
        "programme's rule only a decision ends it, and none is recorded yet. Until then "
        "recognition is UNKNOWN.",
        "LISTED": "A list that the authority published names the operator; no decision is on "
        "record.",
        "UNCERTAIN": "The status began or ended on an unknown day between two published lists, and "
        "the day asked about lies between them.",
        "DELISTED": "A later list that the authority published no longer names the operator.",
    },
    "DataChannel": {
        "FEED": "The administration records in this register itself.",
        "LIST": "The administration sends lists of operators.",
        "PEER": "The administration has a register of its own, which is followed.",
    },
    "Sense": {
        "CUSTOMS_TERRITORY": "The administration is a member of the bloc's customs territory. "
        "Only this membership counts for recognition.",
        "UNION": "The administration is a member of the union itself (a political membership).",
    },
    "RuleState": {
        "VALUE": "The rule has a value, and a source that states it.",
        "NONE": "The law has no such rule, and a source says so.",
        "UNKNOWN": "It is not known what the law says. This is different from NONE.",
    },
    "Outcome3": {
        "RECOGNISED": "The operator is recognised.",
        "NOT_RECOGNISED": "The operator is not recognised. The reasons say why.",
        "UNKNOWN": "A fact is missing or may not be disclosed, so there is no answer. Do not "
        "treat it as NOT_RECOGNISED.",
    },
    "ReasonCode": {
        "IN_FORCE": "An agreement is in force and covers the authorisation: the operator is "
        "recognised.",
        "NO_AUTHORISATION": "The operator has no authorisation that could be recognised.",
        "NOT_YET_EFFECTIVE": "The authorisation was granted, but is not in effect yet.",
        "AUTHORISATION_SUSPENDED": "The authorisation, or the part of it that partners recognise, "
        "is suspended.",
        "AUTHORISATION_ENDED": "The authorisation has ended: it was revoked, annulled or "
        "surrendered, or it expired.",
        "NO_AGREEMENT": "No agreement links the two administrations.",
        "AGREEMENT_NOT_IMPLEMENTED": "The agreement is not applied yet on that day.",
        "AGREEMENT_SUSPENDED": "A party has suspended the agreement in this direction.",
        "AGREEMENT_TERMINATED": "The agreement has ended.",
        "TYPE_OUT_OF_SCOPE": "The agreement does not cover this type of authorisation.",
        "ROLE_OUT_OF_SCOPE": "The agreement or the authorisation does not cover this role.",
        "DIRECTION_OUT_OF_SCOPE": "The agreement does not cover this direction of the goods.",
        "GOODS_OUT_OF_SCOPE": "The agreement does not cover these goods.",
        "CROSSING_OUT_OF_SCOPE": "The agreement does not cover this border crossing or mode.",
        "NO_INFORMATION": "The operator is unknown to the register, or may not be shown to you. "
        "The two cases have the same answer.",
        "UNMATCHED_IDENTIFIER": "The operator is recognised in law, but no identifier of the "
        "scheme by which the partner finds operators is on record.",
        "STALE_DATA": "The partner's list of operators is older than the agreement allows.",
        "DATE_UNCERTAIN": "The answer depends on a day that no source states.",
        "SAME_ADMINISTRATION": "The territory is in the operator's own customs territory, so no "
        "agreement is needed.",
        "NO_CONSENT": "The operator has not consented to share its data with this partner. Only "
        "the operator, its home customs and auditors see this reason; others see NO_INFORMATION.",
        "DECISION_AWAITED": "The last day of a term or of a suspension has passed, but under the "
        "programme's rule only a decision ends it, and none is recorded yet.",
    },
    "AgreementKind": {
        "AEO_MUTUAL_RECOGNITION": "Operators authorised by one side receive benefits from the "
        "other side.",
        "CONTROL_RESULTS": "One side recognises the results of the other side's controls of goods.",
        "GREEN_LANE": "Faster clearance of goods at named border crossings.",
        "MUTUAL_ASSISTANCE": "Administrative assistance in customs matters.",
        "DATA_EXCHANGE": "Exchange of data at agreed times.",
        "ENFORCEMENT_COOPERATION": "Cooperation in enforcement: risk analysis, joint operations.",
        "SINGLE_WINDOW": "Interconnection of single windows.",
        "REGIONAL_MINUTES": "Minutes agreed between customs offices below national level.",
        "WORKING_GROUP": "A standing working group.",
        "TRANSIT_CONVENTION": "A multilateral convention on transit.",
        "RAIL_FACILITATION": "Cooperation between customs and railways.",
        "PORT_TO_PORT": "Cooperation between named ports.",
        "OTHER": "Another kind of customs cooperation.",
    },
    "Pillar": {
        "INFORMATION_EXCHANGE": "Exchange of information.",
        "CONTROL_RECOGNITION": "Mutual recognition of controls.",
        "ENFORCEMENT_ASSISTANCE": "Mutual assistance in customs enforcement.",
    },
    "AgreementStatus": {
        "PROPOSED": "The agreement is on record, but no step is certain to have been taken.",
        "NEGOTIATING": "Negotiations have begun.",
        "ACTION_PLAN": "An action plan was signed. An action plan is not an agreement.",
        "SIGNED": "The agreement was signed.",
        "PILOT": "A pilot has begun.",
        "IN_FORCE": "At least one party applies the agreement.",
        "SUSPENDED": "Every party has suspended the agreement.",
        "TERMINATED": "The agreement has ended.",
        "SIGNED_OR_LATER": "For filters only: SIGNED, PILOT, IN_FORCE or SUSPENDED.",
    },
    "Direction": {
        "IMPORT": "The goods enter the territory asked about.",
        "EXPORT": "The goods leave the territory asked about.",
    },
    "ClauseState": {
        "TERMINATED": "The agreement has ended.",
        "SUSPENDED": "A party has suspended the agreement in this direction.",
        "NOT_IMPLEMENTED": "The importing side does not apply the agreement yet.",
        "UNCERTAIN": "No source says whether the clause applies on that day.",
        "LIVE": "The clause applies.",
    },
    "DisputeKind": {
        "NOT_US": "The record is of another company: it is not the one that it names.",
        "WRONG_RECORD": "A record of the operator, or the answer of a receipt, is wrong.",
        "NOT_RECOGNISED": "A territory does not recognise the operator, although it should.",
    },
    "DisputeState": {
        "OPEN": "It waits for the home customs, which may have answered it already.",
        "UPHELD": "The home customs closed it: it was right.",
        "REJECTED": "The home customs closed it: the record stands.",
        "WITHDRAWN": "Whoever opened it withdrew it.",
    },
    "DisputeOutcome": {
        "UPHELD": "The dispute was right. What was wrong is put right by a command of its own.",
        "REJECTED": "The record stands.",
    },
    "ContactRole": {
        "CUSTOMS_CONTACT": "The contact person for customs matters.",
        "RESPONSIBLE_FOR_CUSTOMS": "The person responsible for the operator's customs matters.",
        "IN_CHARGE": "A person in charge of the operator, or one who controls its management.",
        "SECURITY_CONTACT": "The contact person for safety and security.",
    },
    "TargetOutcome": {
        "MET": "The record shows that the goal was met by its deadline.",
        "NOT_MET": "The record shows that the goal was not met by its deadline.",
        "UNKNOWN": "The record does not say whether the goal was met; `explanation` says why.",
    },
    "TargetReasonCode": {
        "NO_STATES": "The text names no states, or no kind of agreement, that could be counted.",
        "NO_DEADLINE": "The text sets no day by which the goal was to be reached.",
        "DEADLINE_AHEAD": "The deadline has not passed, and not every state has signed.",
        "EVERY_SIGNED": "Every state had signed by the deadline.",
        "NOT_SIGNED": "The text says all, and some states had not signed by the deadline.",
        "EVERY_WILLING_SIGNED": "Every state had signed, and so all who were willing.",
        "WILLING_NOT_SIGNED": "A state that a source calls willing had not signed by the deadline.",
        "WILLINGNESS_UNKNOWN": "No source says whether those that had not signed were willing.",
        "DATES_UNCERTAIN": "No source says whether some states signed by the deadline or later.",
    },
    "TargetStanding": {
        "SIGNED": "The state had certainly signed by that day.",
        "UNCERTAIN": "No source says whether the state signed by that day or later.",
        "NOT_SIGNED": "No signature by that day is on record.",
        "WILLINGNESS_UNKNOWN": "No signature by that day is on record, and no source says whether "
        "the state was willing, which the text asks for.",
    },
    "ClaimReasonCode": {
        "AGREES": "The two counts are equal.",
        "REGISTER_HAS_MORE": "The register counts more than was published.",
        "DATES_UNCERTAIN": "Parties whose dates leave open whether they count explain the "
        "difference.",
        "NOT_ON_RECORD": "Some of those that were counted are not on record here.",
    },
    "Step": {
        "PROPOSED": "The agreement was proposed.",
        "NEGOTIATING": "Negotiations began.",
        "ACTION_PLAN": "An action plan was signed. An action plan is not an agreement.",
        "SIGNED": "The agreement was signed.",
        "PILOT": "A pilot began.",
        "IMPLEMENTED": "A party began to apply the agreement.",
        "TERMINATED": "The agreement ended.",
        "LISTED": "A party published a list that names the agreement as in force.",
        "MEETING": "A meeting was held.",
        "EXERCISE": "A joint exercise was held.",
        "ANNOUNCED": "An announcement was made.",
    },
}


def describe_values(schema: GraphQLSchema) -> None:
    """Adds to each value of each enum its description."""
    for name, meanings in VALUES.items():
        kind = schema.type_map.get(name)
        if isinstance(kind, GraphQLEnumType):
            for value, entry in kind.values.items():
                entry.description = entry.description or meanings.get(value)
