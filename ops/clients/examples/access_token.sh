# sh access_token.sh sg-border ISSUER: prints an access token, got with the key sg-border.pem (RFC 7523).
# A token is valid for five minutes; get another one then, and not one for each question.
base64url() { base64 | tr '+/' '-_' | tr -d '=\n'; }
x=$(openssl pkey -in "$1.pem" -pubout -outform DER | tail -c 32 | base64url)
kid=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | base64url) # RFC 7638
now=$(date +%s) id=$(cat /proc/sys/kernel/random/uuid)
claims='{"iss":"'"$1"'","sub":"'"$1"'","aud":"'"$2"'","jti":"'"$id"'","iat":'"$now"',"exp":'"$((now + 60))"'}'
header='{"alg":"Ed25519","kid":"'"$kid"'"}'
printf %s.%s "$(printf %s "$header" | base64url)" "$(printf %s "$claims" | base64url)" >"$1.assertion"
signature=$(openssl pkeyutl -sign -rawin -inkey "$1.pem" -in "$1.assertion" | base64url)
curl -s "$2/oauth/token" \
  -d grant_type=client_credentials \
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  -d client_assertion="$(cat "$1.assertion").$signature" |
  sed 's/.*"access_token":"\([^"]*\)".*/\1/'
