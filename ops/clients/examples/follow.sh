# sh follow.sh [POSITION]: what Singapore recognises, told as it changes, from a position on or from now.
curl -sN "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_TOKEN" \
  -H "Accept: text/event-stream" -H "Content-Type: application/json" \
  -d '{
    "query": "subscription ($after: Position) { recognitionChanged(for: \"SG\", after: $after) { tin was now effectiveFrom next epoch } }",
    "variables": {"after": '"${1:-null}"'}
  }'
