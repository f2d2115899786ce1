"""A server on loopback that tells who asks: TLS with several certificates, plain HTTP, a proxy.

It notes each request and answers 200; a token that does not begin with `good` gets 401.
"""

import ssl
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.listening import Listener, tunneling

Observed = dict[str, Any]
NAME = "api.example.com"
_LOOPBACK = ip_address("127.0.0.1")
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


class Server:
    """A context manager. `seen` has one entry a request, without what is empty in it."""

    def __init__(self, folder: Path) -> None:
        """Certificates and keys are in `folder`, as the kubeconfigs of the cases name them."""
        self.seen: list[Observed] = []
        self.folder = folder
        self._ca = trustme.CA()
        clients = trustme.CA()
        self._ca.cert_pem.write_to_path(str(folder / "ca.crt"))
        trustme.CA().cert_pem.write_to_path(str(folder / "other-ca.crt"))
        for name in ("good", "other"):
            leaf = clients.issue_cert(f"{name}@example.com", common_name=name)
            (folder / f"{name}.crt").write_bytes(leaf.cert_chain_pems[0].bytes())
            (folder / f"{name}.key").write_bytes(leaf.private_key_pem.bytes())
        encrypted = _encrypted(folder / "good.key")
        (folder / "encrypted.key").write_bytes(encrypted)
        write_old_pair(folder)
        usual = self._ca.issue_cert("127.0.0.1", NAME)
        # A certificate that is its own authority, as k3s and others once had it.
        self._servers = {"HTTPS": _Http(self, _context(clients, usual))}
        for name in ("old", "leaf"):
            context = _context(clients)
            context.load_cert_chain(folder / f"{name}-server.crt", folder / f"{name}-server.key")
            self._servers[name.upper()] = _Http(self, context)
        self._servers["HTTP"] = _Http(self, None)
        # It leads to the server with TLS, whatever it is asked for.
        self._proxy = Listener(tunneling(self._servers["HTTPS"].server_port, self._note_proxied))

    def __enter__(self) -> Self:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self._proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        self._proxy.__exit__()

    def placeholders(self) -> dict[str, str]:
        """What stands for `@NAME@` in a case's files."""
        values = {f"{name}_PORT": str(server.server_port) for name, server in self._servers.items()}
        values["PROXY"] = self._proxy.address
        for path in self.folder.iterdir():
            name = path.name.upper().replace(".", "_").replace("-", "_")
            values[f"{name}_DATA"] = b64encode(path.read_bytes()).decode("ascii")
            values[f"{name}_JSON"] = path.read_text().replace("\n", "\\n")
            values[name] = path.read_text()
        values["FOLDER"] = str(self.folder)
        return values

    def answer(self, handler: BaseHTTPRequestHandler, certificate: str) -> int:
        """Note a request; the status of its answer."""
        impersonated: dict[str, list[str]] = {}
        for name, value in handler.headers.items():
            if name.lower().startswith("impersonate-"):
                impersonated.setdefault(name.lower().removeprefix("impersonate-"), []).append(value)
        authorization = handler.headers.get("Authorization", "")
        seen = {
            "path": handler.path,
            "authorization": authorization,
            "impersonate": impersonated,
            "certificate": certificate,
            "plain": not isinstance(handler.connection, ssl.SSLSocket),
        }
        self.seen.append({key: value for key, value in seen.items() if value})
        is_refused = authorization.startswith("Bearer") and " good" not in authorization
        return 401 if is_refused else 200

    def _note_proxied(self, head: bytes) -> None:
        line, _, _ = head.decode("ascii").partition("\r\n")
        self.seen.append({"proxy": line.rpartition(" ")[0]})


def _context(clients: trustme.CA, leaf: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    clients.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    if leaf is not None:
        leaf.configure_cert(context)
    return context


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: Server, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = server
        self._context = context

    def get_request(self) -> tuple[Any, Any]:
        plain, address = super().get_request()
        if self._context is None:
            return plain, address
        wrapped = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust this server: what some cases are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        name = ""
        if isinstance(self.connection, ssl.SSLSocket) and (peer := self.connection.getpeercert()):
            subject: Any = peer["subject"]
            name = dict(part[0] for part in subject)["commonName"]
        status = self.server.owner.answer(self, name)
        body = b'{"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": %d}' % status
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: stderr is the tests'."""


def write_old_pair(folder: Path) -> None:
    """A CA and a certificate of its own without key identifiers, and a leaf that is its own CA."""
    authority, key = _certificate("kubernetes", None, None)
    leaf, leaf_key = _certificate("kube-apiserver", authority, key)
    alone, alone_key = _certificate("alone", None, None, is_authority=False)
    (folder / "old-ca.crt").write_bytes(authority.public_bytes(PEM))
    for name, certificate, own in (("old", leaf, leaf_key), ("leaf", alone, alone_key)):
        (folder / f"{name}-server.crt").write_bytes(certificate.public_bytes(PEM))
        (folder / f"{name}-server.key").write_bytes(
            own.private_bytes(PEM, PKCS8, serialization.NoEncryption())
        )


def _certificate(
    name: str,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    *,
    is_authority: bool | None = None,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    is_ca = issuer is None if is_authority is None else is_authority
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        address = x509.DNSName("localhost")
        builder = builder.add_extension(
            x509.SubjectAlternativeName([address, x509.IPAddress(_LOOPBACK)]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _encrypted(path: Path) -> bytes:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    return key.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"secret"))
