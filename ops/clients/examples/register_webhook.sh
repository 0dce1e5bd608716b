# sh register_webhook.sh URL: Singapore is told at that address when there are changes to read.
# The receipt has the secret with which messages are checked. It is shown once.
id="${REGISTRY_WEBHOOK:-$(cat /proc/sys/kernel/random/uuid)}" # the same id again: the same receipt
curl -s "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_TOKEN" -H "Content-Type: application/json" \
  -d '{
    "query": "mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) { ... on WebhookReceipt { secret webhook { id } } ... on Refused { code message } } }",
    "variables": {"input": {"commandId": "'"$id"'", "for": "SG", "url": "'"$1"'", "signature": "HMAC"}}
  }'
