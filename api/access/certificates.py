"""Client certificates that the TLS terminator in front of the service has checked (RFC 8705).

The terminator hands the certificate on in a header. The header is read only where a setting names
it, and only from a terminator's own address; a terminator must remove such a header from outside.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
LONGEST = 16_384  # characters of a header


@lru_cache(maxsize=1_024)
def thumbprint(header: str) -> str | None:
    """Returns the SHA-256 thumbprint of the certificate in a header, as `x5t#S256` has it; None
    where the header holds no certificate.

    Three forms are read: `:base64:` (RFC 9440), PEM in percent-encoding (nginx), and plain base64
    (HAProxy), each of DER.
    """
    text = header.strip()
    if not text or len(text) > LONGEST:
        return None
    if text.startswith(":") and text.endswith(":"):
        text = text[1:-1]
    elif found := _PEM.search(unquote(text)):
        text = re.sub(r"\s", "", found[1])
    try:
        der = b64decode(text, validate=True)
    except ValueError:
        return None
    if der[:1] != b"\x30":  # a certificate is an ASN.1 sequence
        return None
    return urlsafe_b64encode(sha256(der).digest()).decode().rstrip("=")
