curl -s -G "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_TOKEN" \
  --data-urlencode query='
    query Recognised($tin: TIN!, $in: AdministrationCode!, $early: AsOf, $late: AsOf) {
      early: recognition(tin: $tin, in: $in, asOf: $early) { outcome reasons { code message } }
      late: recognition(tin: $tin, in: $in, asOf: $late) { outcome reasons { code message } }
    }' \
  --data-urlencode variables='{
    "tin": "CN0000000012",
    "in": "SG",
    "early": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-06T00:00:00Z"},
    "late": {"at": "2026-03-05T00:00:00Z", "knownAt": "2026-03-11T00:00:00Z"}
  }'
