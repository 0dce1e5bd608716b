# sh changes.sh [POSITION [EPOCH]]: a page of what changed for Singapore after a position; 0: from the beginning.
# Keep `next` and `epoch` of the answer with what you made of it, and give them the next time.
curl -s "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_TOKEN" -H "Content-Type: application/json" \
  -d '{
    "query": "query ($after: Position!, $epoch: String) { changes(for: \"SG\", after: $after, epoch: $epoch) { next head epoch changes { tin was now effectiveFrom } } }",
    "variables": {"after": '"${1:-0}"', "epoch": '"$([ -n "$2" ] && echo "\"$2\"" || echo null)"'}
  }'
