# sh find_issuer.sh: prints the issuer of tokens, which the answer to a request without a good token leads to (RFC 9728).
metadata=$(curl -s -o /dev/null -D - "$REGISTRY_URL/graphql" -H "Authorization: Bearer none" \
  -H "Content-Type: application/json" -d '{"query": "{ viewer { role } }"}' |
  sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate:.*resource_metadata="\([^"]*\)".*/\1/p')
curl -s "$metadata" | sed 's/.*"authorization_servers":\["\([^"]*\)".*/\1/'
