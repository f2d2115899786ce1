"""The certificate files of a configuration: whether they load, and what identifies its CAs."""

import hashlib
import ssl

from kubernetes.client.configuration import Configuration


def check_files(configuration: Configuration) -> None:
    """See that the CAs and the client certificate can be loaded, before anything is sent.

    Raises OSError, ssl.SSLError among them, or ValueError.
    """
    if not (_has_cas(configuration) or configuration.cert_file):
        return
    context = _context(configuration)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)


def fingerprint(configuration: Configuration) -> str:
    """`sha256:…` of the CAs that the configuration names for the server; "" if it names none."""
    if not _has_cas(configuration):
        return ""
    certificates = sorted(_context(configuration).get_ca_certs(binary_form=True))
    return "sha256:" + hashlib.sha256(b"".join(certificates)).hexdigest()


def _has_cas(configuration: Configuration) -> bool:
    return bool(configuration.ssl_ca_cert or configuration.ca_cert_data)


def _context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if _has_cas(configuration):
        context.load_verify_locations(
            cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
        )
    return context
