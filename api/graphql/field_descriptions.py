"""The descriptions of fields and arguments whose name tells their meaning.

BY_NAME describes a name wherever it appears in the schema. BY_PLACE describes one place, and
comes first: `Type.field` or `Type.field(argument)`. A field with a `description` of its own, or a
resolver with a docstring, is in neither. These texts are public: they are the documentation of
api/schema.graphql. A test requires that each entry of BY_PLACE is shown at its place.
"""

from __future__ import annotations

BY_NAME: dict[str, str] = {
    "absent": "True: the list, as read on that day, no longer names the operator as a holder of "
    "this type. False: the list names it.",
    "address": "The postal address of the operator, as its administration records it.",
    "administration": "The customs administration concerned, by its code.",
    "after": "The `endCursor` of the previous page: the page begins after that entry. Null: the "
    "first page.",
    "agreement": "The agreement, by its code (CN-SG-AEO, AAMRA) or its global id.",
    "asked": "The customs administration that is consulted, by its code.",
    "asOf": "The instant that is asked about, in valid time (`at`) and in transaction time "
    "(`knownAt`). Default: now for both.",
    "assumed": "True: no source states this date or fact; it was inferred from what the sources "
    "state.",
    "at": "The instant of valid time that is answered: the law of that instant applies.",
    "authorisation": "The authorisation, by its number or by the reference of its application. It "
    "is needed only where the operator has several that the command could mean.",
    "barredUntil": "The first civil day on which a new authorisation may be granted again. "
    "Default: what the programme's rule `bar_years` says.",
    "before": "The `startCursor` of the following page: the page ends before that entry. Null: the "
    "end of the list.",
    "benefits": "The benefits that the importing administration grants, as texts.",
    "bloc": "True: this is a bloc (a customs union) that has members. False: a territory with "
    "customs officers of its own.",
    "changes": "The operators whose answer changed, in the order of recording.",
    "claimedBy": "The `source` of the claim that is retracted, exactly as the claim has it. Null "
    "where the claim has none.",
    "commandId": "The idempotency key of the command: a UUID that the sender chooses. The same "
    "command sent again with the same key is not recorded again and returns the first result; "
    "another command with the same key is refused with OTHER_COMMAND.",
    "commands": "The commands that need a second person, by their names in an import file: "
    "set_scope, revoke_authorisation, ... An empty list: none.",
    "commitment": "The commitment that `keepParticulars` returned: SHA-256 of a salt and the "
    "particulars, in hexadecimal.",
    "condition": "`all`: the goal needs every one of the states. `willing`: it needs those that "
    "are willing. Null: the text names no condition.",
    "confidence": "How reliable the source is, as the editors of the record judge it.",
    "client": "The id of the client: 1 to 80 letters, digits, . _ and -",
    "conflicting": "True: the earlier sources remain beside this one. False: this source replaces "
    "them.",
    "consentRequired": "True: only operators that have consented to share with the partner are "
    "recognised.",
    "contains": "Words to search for, in any language; every word must occur, in any order.",
    "crossing": "A border crossing, by its name or by its two sides: Suifenhe-Pogranichny.",
    "crossings": "The border crossings that the clause covers. An empty list means all.",
    "cursor": "The opaque cursor of this entry; pass it as `after` or `before`.",
    "date": "The civil day that the document bears.",
    "days": "The length of the extension, in calendar days. Default: what the programme's rule "
    "allows.",
    "deadline": "The civil day by which the goal is to be reached. Null: the text names none.",
    "decided": "The civil day of the decision, in the zone of the deciding authority. Default: "
    "today.",
    "declarationBox": "The box or data element of the importer's customs declaration in which the "
    "identifier is written.",
    "details": "Further facts about the agreement: an object of texts by name.",
    "direction": "Import or export, seen from the territory that recognises. Null: both.",
    "dispute": "The id of the dispute: the command id of the command that opened it.",
    "document": "The document, by its code or its global id.",
    "due": "The last civil day on which the step is in time, in the zone of the administration.",
    "earliest": "The first civil day that is possible. Where the day is certain, `earliest` and "
    "`latest` are equal.",
    "edges": "The entries of this page, in order.",
    "effective": "The first civil day on which the decision applies (valid time), in the zone of "
    "the deciding authority. Default: what the programme's rules say, else today.",
    "expectedVersion": "For optimistic concurrency: the version of the stream that the sender has "
    "read. The command is refused with STALE_VERSION if the stream has another version. Null: no "
    "check.",
    "filter": "The conditions of the list; an entry must meet all that are given.",
    "first": "The number of entries on the page, from 1 to 100.",
    "from": "The administration whose operators or controls are recognised, by its code.",
    "general": "True: the consent is to every partner whose data protection was found adequate, as "
    "the law of the programme has it.",
    "ground": "The reason for the erasure and its article of law. This text is recorded for ever, "
    "so it must not name a person.",
    "hs": "Goods, by their Harmonised System code. A chapter (2 digits) or heading (4 digits) "
    "includes the codes below it.",
    "id": "The agreement, by its code (CN-SG-AEO, AAMRA) or its global id.",
    "identifier": "The operator's identifier of that scheme. Null: none is on record.",
    "identifierScheme": "The identifier scheme by which the partner finds operators, such as EORI. "
    "Null: no scheme is on record.",
    "in": "The territory in which recognition is asked about, by its code.",
    "input": "The fields of the command.",
    "issuer": "The administration that issued the identifier, by its code. Null: not stated.",
    "key": "An Ed25519 public key as name+id+base64, as a C2SP signed note writes it. Its name is "
    "the code of the administration.",
    "kind": "The kind of agreement.",
    "knownAt": "The instant of transaction time: only what the register knew by then is taken into "
    "account.",
    "language": "The language of the document and of `quotation`, as a BCP 47 tag: zh-Hans.",
    "last": "The number of entries, from 1 to 100, counted from the end of the list. It takes the "
    "place of `first`.",
    "latest": "The last civil day that is possible.",
    "launched": "When the programme began, in the words of the source.",
    "leafHash": "The hash of the leaf: SHA-256, in hexadecimal.",
    "leafIndex": "The number of the leaf in the tree, from 0.",
    "legalBasis": "The article or instrument of law on which the agreement is based. Null: not on "
    "record.",
    "legalGround": "The article of law on which the decision is based. It is required where the "
    "decision takes effect before the day on which it is recorded, and where the rule that would "
    "allow it is unknown.",
    "list": "The published list, by a name of 1 to 80 letters, digits, dots and hyphens: eu-list. "
    "Use the same name at every reading of that list.",
    "localName": "The name in its original script. Null: not on record.",
    "maxAgeHours": "The greatest age in hours of the partner's list of operators. With an older "
    "list the answer is UNKNOWN with the reason STALE_DATA. Null: no limit.",
    "measure": "The quantity that is counted, by its name: aeo_partner_territories_signed, ...",
    "measureNames": "The original names of the measures: an object of language tags (BCP 47), each "
    "with an object from the measure, as `measures` has it, to its original name.",
    "measures": "The measures that the document lists, as texts.",
    "member": "The administration that joins or leaves, by its code.",
    "mode": "The mode of transport, in the words of the clauses.",
    "modes": "The modes of transport that the clause covers. An empty list means all.",
    "name": "The name, in Latin script.",
    "names": "The original names of crossings, goods and offices: an object of language tags (BCP "
    "47), each with an object from the name that is used here to the original name.",
    "node": "The entry itself.",
    "note": "A further remark of the source. Null: none.",
    "notice": "Of a termination: the civil day on which the other parties were notified. Null: not "
    "stated.",
    "number": "The number of the authorisation (of the certificate).",
    "operatorsDescribed": "How many operators the programme has, in the words of the source. The "
    "register's own count is `operatorCount`.",
    "origin": "The TIN of the operator from which this one was split.",
    "outcome": "The outcome: RECOGNISED, NOT_RECOGNISED or UNKNOWN.",
    "override": "The reason why a number is valid although its form is unusual or its check digit "
    "is wrong. Without it such a number is refused.",
    "owner": "The administration whose goal it is, by its code. Null: not stated.",
    "pageInfo": "Where this page begins and ends, and whether there are more entries.",
    "part": "The part of the authorisation to suspend, such as S or C. Null: the whole "
    "authorisation.",
    "particulars": "The particulars of the person: an object with `name` and, if known, `email` "
    "and `telephone`.",
    "parties": "The administrations that are parties, by code.",
    "partner": "The customs administration with which the operator's data may be shared, by its "
    "code.",
    "party": "The party, by its code.",
    "path": "The hashes from the leaf to the root (the audit path of RFC 6962): SHA-256, in "
    "hexadecimal.",
    "person": "The pseudonym of the person, a random UUID, as `keepParticulars` returned it.",
    "pillars": "The pillars of the WCO SAFE Framework that the agreement serves.",
    "position": "The position up to which events are included in this answer.",
    "precision": "How exactly the source dates the count: day, month or year. Null: not stated.",
    "programme": "The programme, by its code (CN-AEO, US-CTPAT) or its global id.",
    "programmes": "The codes of the programmes that the clause covers. An empty list means all.",
    "proposalDays": "For how many days after that of the proposal it can be confirmed.",
    "proposal": "The id of the proposal: the command id of the command that was proposed.",
    "proof": "The document that proves the consent or its withdrawal: a reference, such as a "
    "number and a date.",
    "proofSha256": "SHA-256 of the bytes of that document, in hexadecimal. Null: not stated.",
    "publication": "True: the consent is for the public look-up instead of for a partner.",
    "quotation": "A short passage of the document, in its own language. Null: none.",
    "readOn": "The civil day on which the list was read, in the operator's home zone.",
    "reason": "The reason for the decision, as text. It is shown only to the home customs, the "
    "operator and auditors.",
    "reasons": "The reasons for the outcome, each with the facts on which it is based.",
    "relation": "The kind of agreement that would meet the goal. Null: the text names none.",
    "remediation": "True: the operator remains authorised while it puts right what was found.",
    "reply": "The reply of the consulted administration, as text. The operator is not shown it.",
    "role": "The role of the operator in the supply chain.",
    "roles": "The roles of the operator in the supply chain. An empty list means all.",
    "rootHash": "The root hash of the tree: SHA-256, in hexadecimal.",
    "rule": "The name of the rule: decision_days, effect_after, bar_years, ...",
    "scheme": "The identifier scheme: EORI, LEI, MID, ...",
    "sense": "The kind of membership. Default: CUSTOMS_TERRITORY.",
    "shared": "The reason why the authority gave this number to another operator too. Without it a "
    "number that another operator has is refused with HELD_BY_ANOTHER.",
    "side": "The party that takes the step, by its code.",
    "signature": "The administration's signature of the command's other fields: its code, a space, "
    "and the base64 of the key id and an Ed25519 signature. It is required once the "
    "administration has a key.",
    "since": "The instant from which it applies.",
    "source": "The source of the information: where it is published or was read.",
    "state": "Whether the rule has a value, whether the law has no such rule, or whether the rule "
    "is unknown.",
    "states": "The administrations that the goal could mean, by code.",
    "subject": "The administration that the claim is about, by its code.",
    "successor": "The TIN of the operator into which this one is merged.",
    "target": "The id of the goal within its document.",
    "term": "The number of the term of implementation, from 1. A new term begins when a side "
    "withdraws and accedes again. Default: the latest.",
    "text": "The text, in English.",
    "timeZone": "The IANA name of the time zone in which the civil days of the administration "
    "begin: Asia/Seoul.",
    "tin": "The Trader Identification Number (TIN) of the operator.",
    "tins": "The TINs of the operators, at most 1,000.",
    "title": "The title, in English.",
    "titles": "The titles in other languages: an object from the language tag (BCP 47) to the "
    "title.",
    "to": "The administration that recognises (the importing side), by its code.",
    "treeSize": "The number of leaves of the tree.",
    "type": "The tier or type of authorisation, in the programme's own code: AEOF, AA, ...",
    "types": "The tiers or types of authorisation, in the programme's own codes.",
    "unit": "The unit of the value: days, working days, years, ... Null: the value has no unit.",
    "until": "The end of the interval, exclusive: the first civil day on which it no longer "
    "applies.",
    "validFrom": "The beginning of the interval in valid time, inclusive. Null: no beginning is "
    "known.",
    "validTo": "The end of the interval in valid time, exclusive. Null: no end is known.",
    "validUntil": "The last civil day of the authorisation, inclusive. Default: the term that the "
    "programme's rules say.",
    "value": "The value, as text.",
    "verifiedBy": "Who verified the identifier. Null: not stated.",
    "what": "The step or date that is meant.",
    "why": "The reason for the correction.",
    "willing": "The administrations that are known to be willing: an object from the code to the "
    "source that says so.",
}

BY_PLACE: dict[str, str] = {
    "OpenDisputeInput.kind": "What is disputed.",
    "OpenDisputeInput.position": "The position of the operator's event that is meant. Null: none "
    "is. Another administration, which does not read the events, names none.",
    "OpenDisputeInput.receipt": "The id of the receipt that is meant. Null: none is.",
    "OpenDisputeInput.statement": "What is wrong, in words. It stays for ever: name no person.",
    "OpenDisputeInput.territory": "The territory in which the operator is not recognised, by its "
    "code. Null: none is meant.",
    "AccedeToAgreementInput.member": "The party that accedes, by its code.",
    "AddIdentifierInput.validTo": "The end of the validity of the identifier, exclusive: the first "
    "civil day on which it is no longer valid. Null: no end is known.",
    "AddIdentifierInput.value": "The identifier itself. Letter case, blanks and the separators of "
    "the scheme make no difference.",
    "Administration.code": "The code of the administration: ISO 3166-1 alpha-2 of its territory, "
    "or EU.",
    "AgreementDate.side": "The party that takes the step, by its code. Null: the date is of the "
    "whole agreement.",
    "AgreementFilter.status": "The status of the agreement at the instant asked about.",
    "Authorisation.roles": "The roles for which the operator is authorised. An empty list means "
    "all.",
    "Authorisation.since": "The instant from which the present status has applied. A day that a "
    "published list gives begins at midnight in the home zone.",
    "Authorisation.status": "The status of the authorisation at the instant asked about.",
    "Authorisation.validUntil": "The last civil day of the authorisation, inclusive, in the home "
    "zone. Null: it is valid without end.",
    "Claim.value": "The number that was published.",
    "AnswerDisputeInput.answer": "The answer in words. It stays for ever, and whoever opened the "
    "dispute reads it.",
    "CloseDisputeInput.outcome": "Whether the dispute was right.",
    "CloseReassessmentInput.outcome": "The outcome of the reassessment, as text.",
    "ConsignmentInput.direction": "Import or export, seen from the territory in which recognition "
    "is asked. Null: not asked.",
    "ConsignmentInput.role": "The role in which the operator acts for this consignment. Null: not "
    "asked.",
    "CorrectRecordInput.position": "The position of the earlier event that is corrected.",
    "CorrectRecordInput.what": "The corrections: an object from the name of a field of that event "
    '(effective, valid_until, number, ...) to its right value, as text; or `{"void": true}` where '
    "the event should not have been recorded at all.",
    "DateInterval.earliest": "The first civil day that is possible, inclusive.",
    "Deadline.what": "The step that the deadline is for.",
    "Document.code": "The code of the document.",
    "Document.parties": "The administrations that are parties to the document, by code.",
    "EndIdentifierInput.value": "The identifier that ends.",
    "Event.decided": "The civil day of the decision, in the zone of the deciding authority. Null: "
    "not stated.",
    "Event.decidedBy": "The administration that decided, by its code. Null: not stated.",
    "Event.legalGround": "The article of law on which the decision is based. Null: not stated.",
    "Event.position": "The position of the event in the register's sequence of events, from 1. It "
    "is also the order of recording.",
    "EventFilter.agreement": "Only events of this agreement, by its code (CN-SG-AEO, AAMRA) or its "
    "global id.",
    "EventFilter.recordedFrom": "Only events recorded at this instant or later.",
    "EventFilter.tin": "Only events of the operator with this TIN.",
    "EventFilter.types": "Only events of these types: operator.suspended, agreement.signed, ...",
    "ExtendSuspensionInput.until": "The new end of the suspension, exclusive: the first civil day "
    "on which the authorisation is valid again.",
    "GrantAuthorisationInput.roles": "The roles for which the operator is authorised. An empty "
    "list means all; null: the roles on record.",
    "GrantAuthorisationInput.type": "The tier or type that is granted, in the programme's own "
    "code. Default: the type that was applied for.",
    "Identifier.value": "The identifier itself.",
    "ListOperatorInput.name": "The name of the operator as the list writes it. Null: the list "
    "gives none.",
    "ListOperatorInput.number": "The number of the authorisation, where the list gives one.",
    "ListOperatorInput.since": "The civil day from which the authorisation is valid, where the "
    "list gives one.",
    "Log.checkpoints(first)": "The number of checkpoints, from 1 to 100.",
    "Log.inclusionProof(treeSize)": "The number of leaves of a signed tree. Default: that of the "
    "last checkpoint.",
    "Membership.member": "The administration that is a member of the bloc, by its code.",
    "MembershipInput.administration": "The bloc, by its code.",
    "NameContactInput.role": "What the person is to the operator.",
    "NoteOnAgreementInput.what": "What happened: a meeting, an exercise, a listing or an "
    "announcement.",
    "Operator.name": "The name of the operator, in Latin script.",
    "OperatorFilter.administration": "Only operators that this customs administration registered.",
    "OperatorFilter.programme": "Only operators with an authorisation of this programme, by its "
    "code (CN-AEO, US-CTPAT) or its global id.",
    "OperatorFilter.role": "Only operators with this role in the supply chain.",
    "OperatorFilter.type": "Only operators with an authorisation of this tier or type, in the "
    "programme's own code.",
    "Programme.administration": "The administration that runs the programme, by its code.",
    "Programme.code": "The code of the programme: CN-AEO, US-CTPAT, SG-STP, ...",
    "ProposeAgreementInput.id": "The code that the agreement is to have. Null: the register makes "
    "one from the parties and the kind.",
    "PublishClaimInput.asOf": "The civil day for which the count was published.",
    "PublishClaimInput.text": "What the source says about the count, as text.",
    "PublishClaimInput.value": "The number that was published.",
    "Query.administration(code)": "The code of the administration.",
    "Query.changes(first)": "The number of changes on the page, from 1 to 100. A page may be "
    "longer, because it never splits the changes of one event.",
    "Query.claims(measure)": "Only claims of this quantity. Null: all.",
    "Query.claims(subject)": "Only claims about this administration. Null: all.",
    "Query.documents(party)": "Only documents of this party. Null: all.",
    "Query.operatorByCertificate(administration)": "The administration that issued the number. "
    "Null: any.",
    "Query.operatorsByCertificate(administration)": "The administration that issued the number. "
    "Null: any.",
    "Query.receipts(request)": "The id of the request, a UUID, as its receipts state it.",
    "Query.partners(kind)": "Only agreements of this kind. Default: AEO_MUTUAL_RECOGNITION.",
    "Query.partners(status)": "Only agreements of this status. Default: SIGNED_OR_LATER.",
    "Query.programme(code)": "The code of the programme (CN-AEO, US-CTPAT) or its global id.",
    "Query.targets(owner)": "Only goals of this administration. Null: all.",
    "Reason.code": "The code of the reason. It never changes its meaning.",
    "DeclareCadenceInput.channel": "How the data comes in to which the cadence belongs.",
    "DeclareCadenceInput.hours": "New data comes at least every so many hours, 1 to 87,660. Null: "
    "no cadence is declared any longer.",
    "ReceiveListInput.asOf": "The instant at which the list was up to date.",
    "RecognitionBasis.assumed": "True: no source states the dates of the clause; they were "
    "inferred from what the sources state.",
    "RecognitionBasis.authorisation": "The number of the authorisation that is recognised.",
    "RecognitionBasis.benefits": "The benefits that the importing administration grants, as texts.",
    "RecordEndInput.authorisation": "The authorisation that ended, by its number or by the "
    "reference of its application.",
    "RecordEndInput.what": "What ended: `term` or `suspension`.",
    "RetractClaimInput.asOf": "The civil day for which the retracted count was published.",
    "RetractClaimInput.source": "The source of the retraction.",
    "RetractClaimInput.why": "The reason for the retraction.",
    "RevokeAuthorisationInput.reason": "The reason for the revocation, as text. It is shown only "
    "to the home customs, the operator and auditors.",
    "Rule.state": "Whether the rule has a value, whether the law has no such rule, or whether the "
    "rule is unknown.",
    "Rule.validFrom": "The first civil day on which the rule is the law. Null: no beginning is "
    "known.",
    "Rule.validTo": "The end of the rule, exclusive: the first civil day on which it is no longer "
    "the law. Null: no end is known.",
    "ScopeClause.direction": "Import or export, seen from the recognising side. Null: the clause "
    "covers both.",
    "ScopeClause.hs": "The goods that the clause covers, by Harmonised System code. An empty list "
    "means all.",
    "ScopeClause.roles": "The roles that the clause covers. An empty list means all.",
    "ScopeClause.types": "The tiers or types of authorisation that the clause covers. An empty "
    "list means none.",
    "SetDatesInput.side": "The party whose date it is, by its code. Null: the date is of the whole "
    "agreement.",
    "SetDatesInput.what": "The step whose date is stated.",
    "SetRuleInput.until": "The end of the rule, exclusive: the first civil day on which it is no "
    "longer the law. Null: no end is known.",
    "SetRuleInput.value": "The value of the rule, as text. Null unless `state` is VALUE.",
    "SetScopeInput.hs": "The goods that the clause covers, by Harmonised System code. An empty "
    "list means all.",
    "SetScopeInput.roles": "The roles that the clause covers. An empty list means all.",
    "SetScopeInput.types": "The tiers or types of authorisation that the clause covers. An empty "
    "list means none.",
    "SetScopeInput.until": "The end of the clause, exclusive: the first civil day on which it no "
    "longer applies. Null: no end is known.",
    "RegisterClientInput.actsFor": "The subject of the client's tokens: partner:KR, officer:CN, "
    "company:<TIN> or auditor:*.",
    "RegisterClientInput.name": "The name of the client, for people.",
    "AddClientKeyInput.key": "The public key: a JWK (RFC 7517) of Ed25519, P-256 or RSA, without "
    "its private part.",
    "RetireClientKeyInput.keyId": "The thumbprint of the key (RFC 7638).",
    "RevokeClientInput.reason": "Why the client is revoked. Null: not stated.",
    "SetTargetInput.text": "The goal, in the words of the document.",
    "StatusPeriod.authorisation": "The number of the authorisation, or the reference of its "
    "application where there is no number yet.",
    "StatusPeriod.recordedFrom": "The beginning of the interval in transaction time, inclusive: "
    "when the register recorded it.",
    "StatusPeriod.status": "The status of the authorisation over this interval.",
    "StatusPeriod.validFrom": "The beginning of the interval in valid time, inclusive.",
    "SuspendAuthorisationInput.reason": "The reason for the suspension, as text. It is shown only "
    "to the home customs, the operator and auditors.",
    "SuspendAuthorisationInput.until": "The end of the suspension, exclusive: the first civil day "
    "on which the authorisation is valid again. Default: what the programme's rules say.",
    "ClaimReason.code": "How the two counts compare. It never changes its meaning.",
    "TargetReason.code": "The code of the reason. It never changes its meaning.",
    "TargetSignature.signed": "When it was signed, as far as the sources say.",
    "TargetState.standing": "Whether the state had signed by the day that counts.",
    "Target.deadline": "The civil day by which the goal was to be reached. Null: the text names "
    "none.",
    "Target.explanation": "Why the goal counts as met, not met or unknown, as an English sentence.",
    "Target.text": "The goal, in the words of the document.",
    "UnknownDeadline.what": "The step that the deadline would be for.",
    "WithdrawFromAgreementInput.member": "The party that withdraws, by its code.",
    "Witness.name": "The name of the witness, from its key.",
}
