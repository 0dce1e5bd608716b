# sh receipt.sh CN0000000012: asks with a signed receipt, and checks it without the register.
# aeo-verify is one file of Python: ops/aeo-verify of the register's source. Keep the keys: they are had once.
curl -s "$REGISTRY_URL/log/receipt-keys" >receipt-keys.json
curl -s "$REGISTRY_URL/graphql" \
  -H "Authorization: Bearer $REGISTRY_TOKEN" -H "Content-Type: application/json" \
  -d '{
    "query": "query ($tin: TIN!) { recognition(tin: $tin, in: \"SG\", receipt: true) { receipt { jwt } } }",
    "variables": {"tin": "'"$1"'"}
  }' | sed 's/.*"jwt":"\([^"]*\)".*/\1/' >receipt.jwt
"${AEO_VERIFY:-aeo-verify}" receipt receipt.jwt --keys receipt-keys.json
