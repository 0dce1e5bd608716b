# sh register_key.sh sg-border: makes a key (sg-border.pem), and registers its public part. An officer of your
# administration does the second part: REGISTRY_OFFICER is the officer's token.
openssl genpkey -algorithm ed25519 -out "$1.pem"
x=$(openssl pkey -in "$1.pem" -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\n')
first=$(cat /proc/sys/kernel/random/uuid) second=$(cat /proc/sys/kernel/random/uuid)
curl -s "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_OFFICER" -H "Content-Type: application/json" \
  -d '{
    "query": "mutation ($client: RegisterClientInput!, $key: AddClientKeyInput!) { registerClient(input: $client) { __typename ... on Refused { code message } } addClientKey(input: $key) { __typename ... on Refused { code message } } }",
    "variables": {
      "client": {"commandId": "'"$first"'", "client": "'"$1"'", "name": "Border system", "actsFor": "partner:SG"},
      "key": {"commandId": "'"$second"'", "client": "'"$1"'", "key": {"kty": "OKP", "crv": "Ed25519", "x": "'"$x"'"}}
    }
  }'
