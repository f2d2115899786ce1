"""One SSLContext for all connections, with all that the configuration says of TLS."""

import hashlib
import ssl

import urllib3
from kubernetes.client.configuration import Configuration
from urllib3.util.ssl_ import create_urllib3_context


def share_one_context(manager: urllib3.PoolManager, configuration: Configuration) -> None:
    """One SSLContext for all connections; each of the pool's own would read the CA bundle again."""
    context = create_urllib3_context()
    if configuration.verify_ssl:
        if configuration.ssl_ca_cert or configuration.ca_cert_data:
            context.load_verify_locations(
                cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
            )
        else:
            context.load_default_certs()
    else:
        # The kubeconfig says so itself; kubectl does not warn about it at each connection either.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    options = manager.connection_pool_kw
    for name in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
        options.pop(name, None)
    options["ssl_context"] = context


def fingerprint(configuration: Configuration) -> str:
    """`sha256:…` of the CAs that the configuration names for the server; "" where it names none."""
    if not (configuration.ssl_ca_cert or configuration.ca_cert_data):
        return ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(
        cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
    )
    found = sorted(context.get_ca_certs(binary_form=True))
    return "sha256:" + hashlib.sha256(b"".join(found)).hexdigest()
