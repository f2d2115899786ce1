"""Certificates as PEM text: reads them, checks that a key fits, and takes fingerprints of CAs.

Nothing is verified here. libcurl verifies the server's chain, dates, and name. It doesn't demand
the strict form of RFC 5280, as Python 3.13 does, because certificates of older clusters lack it.
"""

import hashlib
import os
import re
import ssl
from typing import Final

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----"
)


def certificates(content: bytes) -> str:
    """The certificates of a PEM text, without the text between them.

    Like Go, it leaves out certificates that cannot be read. Raises ValueError if none remains.
    """
    readable = []
    for match in _CERTIFICATE.finditer(content):
        pem = match.group().decode("ascii")
        try:
            _context(pem)
        except (ssl.SSLError, ValueError):
            continue
        readable.append(pem + "\n")
    if not readable:
        raise ValueError("it has no certificate in PEM form")
    return "".join(readable)


def check_pair(certificate: bytes, key: bytes) -> None:
    """Check that a client certificate can be loaded, and that the key fits (both PEM).

    Raises ValueError. Without `memfd_create` (macOS) nothing is checked here: libcurl then fails
    at the first connection.
    """
    # Python loads a pair from a path only. A memfd has one, and leaves no file behind.
    if not hasattr(os, "memfd_create"):
        return
    descriptor = os.memfd_create("client-certificate")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(certificate + b"\n" + key)
        # Without a password here, OpenSSL would ask the terminal for that of an encrypted key.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    except ssl.SSLError as error:
        reason = (error.reason or "unreadable").lower().replace("_", " ")
        raise ValueError(f"the client certificate and its key cannot be used ({reason})") from None
    finally:
        os.close(descriptor)


def fingerprint(authorities: str) -> str:
    """`sha256:…` over the CAs of a PEM text, in any order; "" for an empty text."""
    if not authorities:
        return ""
    encoded = sorted(_context(authorities).get_ca_certs(binary_form=True))
    return "sha256:" + hashlib.sha256(b"".join(encoded)).hexdigest()


def _context(authorities: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authorities)
    return context
