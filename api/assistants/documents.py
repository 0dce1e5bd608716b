"""The GraphQL documents of the tools. One document is one question of the register."""

from __future__ import annotations

_REASONS = "reasons { code message facts { name value zone } }"
_ANSWER = f"""
  tin in outcome legal operational at knownAt position validFrom validTo {_REASONS}
  bases {{
    agreement {{ code title }} authorisation since identifierScheme identifier declarationBox
    benefits assumed
  }}
"""
_INTERVAL = "{ earliest latest }"

RECOGNITION = f"""
query Recognition(
  $tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput
) {{
  recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment) {{ {_ANSWER} }}
}}
"""
RECOGNITIONS = f"""
query Recognitions($tins: [TIN!]!, $in: AdministrationCode!, $asOf: AsOf) {{
  recognitions(tins: $tins, in: $in, asOf: $asOf) {{ tin outcome validTo {_REASONS} }}
}}
"""
_OPERATOR = """
  tin name localName roles standing standingAbroad
  administration { code name timeZone }
  authorisations {
    number type status statusAbroad suspendedParts since effectiveFrom validUntil
    programme { code name }
  }
  position
"""
OPERATOR = f"""
query Operator($tin: TIN!, $asOf: AsOf) {{
  operator(tin: $tin, asOf: $asOf) {{ {_OPERATOR} }}
}}
"""
CERTIFICATE = f"""
query Certificate($number: String!, $asOf: AsOf) {{
  operatorsByCertificate(number: $number, asOf: $asOf) {{ {_OPERATOR} }}
}}
"""
HISTORY = """
query History($tin: TIN!, $first: Int, $after: String) {
  operator(tin: $tin) {
    tin
    history(first: $first, after: $after) {
      edges { node {
        position type recordedAt knownAt effective decided decidedBy legalGround corrects payload
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
AGREEMENT = f"""
query Agreement($id: ID!, $asOf: AsOf) {{
  agreement(id: $id, asOf: $asOf) {{
    code kind title status legalBasis confidence source position
    parties {{ code name }}
    sides {{ party implementedFrom certainFrom suspended implemented {_INTERVAL} }}
    dates {{ what side earliest latest assumed source }}
    scopes {{
      ordinal from to programmes types roles direction hs crossings modes identifierScheme
      declarationBox benefits consentRequired maxAgeHours state assumed
      begins {_INTERVAL} ends {_INTERVAL}
    }}
  }}
}}
"""
AGREEMENTS = """
query Agreements($filter: AgreementFilter, $asOf: AsOf, $first: Int, $after: String) {
  agreements(filter: $filter, asOf: $asOf, first: $first, after: $after) {
    edges { node { code kind title status parties { code } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PARTNERS = """
query Partners($of: AdministrationCode!, $asOf: AsOf) {
  partners(of: $of, asOf: $asOf) {
    administration { code name } recognises recognisedBy blocs agreements { code status }
  }
}
"""
CONTROL_RESULT = f"""
query ControlResult(
  $from: AdministrationCode!, $to: AdministrationCode!, $crossing: String!, $hs: HSCode!,
  $asOf: AsOf
) {{
  controlResult(from: $from, to: $to, crossing: $crossing, hs: $hs, asOf: $asOf) {{
    outcome {_REASONS} agreement {{ code title }} position
  }}
}}
"""
ADMINISTRATION = """
query Administration($code: AdministrationCode!, $asOf: AsOf) {
  administration(code: $code, asOf: $asOf) {
    code name timeZone bloc members { code name } programmes { code name localName types launched }
  }
}
"""
PROGRAMME = """
query Programme($code: ID!, $asOf: AsOf) {
  programme(code: $code, asOf: $asOf) {
    code administration name localName types launched operatorsDescribed confidence source
  }
}
"""
TARGETS = """
query Targets($owner: AdministrationCode, $asOf: AsOf) {
  targets(owner: $owner, asOf: $asOf) {
    document target owner text quotation deadline condition states met explanation source
  }
}
"""
CLAIMS = """
query Claims($subject: AdministrationCode) {
  claims(subject: $subject) {
    subject measure value asOf precision text source registryCount difference explanation
  }
}
"""
DOCUMENTS = """
query Documents($party: AdministrationCode, $contains: String, $first: Int, $after: String) {
  documents(party: $party, contains: $contains, first: $first, after: $after) {
    edges { node { code title date parties source quotation } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CHANGES = """
query Changes($for: AdministrationCode!, $after: Position!, $first: Int) {
  changes(for: $for, after: $after, first: $first) {
    changes { position tin was now effectiveFrom reasons { code message } }
    next head epoch at
  }
}
"""
LOG = "query Log { log { origin verifierKeys checkpoint size } }"
VIEWER = "query Viewer { viewer { subject role administration operator mayAsk } }"
