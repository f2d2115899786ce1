"""Every field of a kubeconfig: what kubectl does with it, what podcm-sync does, and the case.

The fields are those of client-go's tools/clientcmd/api/v1/types.go at Kubernetes 1.37. Each row
names a folder beside this file; tests/cases/kubeconfig/test_cases.py plays it for both programs.
"""

from typing import NamedTuple

SAME = "the same"


class Row(NamedTuple):
    """A field, by its JSON name."""

    name: str
    kubectl: str
    podcm_sync: str
    cases: tuple[str, ...]


# Written down from types.go, apart from the tables below.
GO_FIELDS = {
    "Config": (
        *("kind", "apiVersion", "preferences", "clusters", "users", "contexts"),
        *("current-context", "extensions"),
    ),
    "Cluster": (
        *("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority"),
        *("certificate-authority-data", "proxy-url", "disable-compression", "extensions"),
    ),
    "AuthInfo": (
        *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        *("token", "tokenFile", "as", "as-uid", "as-groups", "as-user-extra", "username"),
        *("password", "auth-provider", "exec", "extensions"),
    ),
    "Context": ("cluster", "user", "namespace", "extensions"),
    "ExecConfig": (
        *("command", "args", "env", "apiVersion", "installHint", "provideClusterInfo"),
        "interactiveMode",
    ),
    "ExecEnvVar": ("name", "value"),
    "AuthProviderConfig": ("name", "config"),
    "NamedExtension": ("name", "extension"),
}

IGNORED = "ignored"
TABLE = {
    "Config": (
        Row("kind", "Config or absent", SAME, ("10-wrong-kind", "10-unknown-fields")),
        Row("apiVersion", "v1 or absent", SAME, ("10-wrong-kind", "10-unknown-fields")),
        Row("preferences", IGNORED, SAME, ("10-unknown-fields", "10-null-fields")),
        Row(
            "clusters",
            "the first file's entry of a name is used, whole; one file may have a name once",
            SAME,
            ("14-first-wins", "10-two-of-a-name"),
        ),
        Row("users", "as clusters", SAME, ("14-first-wins", "10-two-of-a-name")),
        Row("contexts", "as clusters", SAME, ("14-first-current-context",)),
        Row(
            "current-context",
            "of the first file that sets one; without any, http://localhost:8080",
            "of the first file that sets one; without any, an error",
            ("14-first-current-context", "14-context", "14-no-current-context"),
        ),
        Row("extensions", IGNORED, SAME, ("10-unknown-fields",)),
    ),
    "Cluster": (
        Row(
            "server",
            "a URL whose scheme has no case; no credentials over http; without a scheme, http",
            "a URL whose scheme has no case; no credentials over http; without a scheme, an error",
            ("11-scheme-in-capitals", "11-path", "11-plain-http", "11-no-scheme"),
        ),
        Row(
            "tls-server-name",
            "the name that the certificate must have",
            SAME,
            ("11-tls-server-name", "11-wrong-tls-server-name"),
        ),
        Row(
            "insecure-skip-tls-verify",
            "nothing is verified; refused together with a CA",
            SAME,
            ("11-insecure", "11-insecure-and-ca"),
        ),
        Row(
            "certificate-authority",
            "the only CAs, relative to its file; refused together with the data",
            SAME,
            ("11-bundle-with-text", "14-relative-plugin", "11-ca-and-data"),
        ),
        Row(
            "certificate-authority-data",
            "the same in base64, line breaks allowed",
            SAME,
            ("10-wrapped-base64", "10-bad-base64", "11-ca-without-key-ids"),
        ),
        Row(
            "proxy-url",
            "the proxy, whatever the environment says",
            SAME,
            ("16-proxy-url", "16-proxy-scheme-in-capitals", "16-no-such-proxy-scheme"),
        ),
        Row(
            "disable-compression",
            "answers are not compressed",
            "answers are never asked for compressed; exec plugins are told",
            ("15-cluster-info",),
        ),
        Row(
            "extensions",
            "client.authentication.k8s.io/exec is for the exec plugin; others are ignored",
            SAME,
            ("15-cluster-info",),
        ),
    ),
    "AuthInfo": (
        Row(
            "client-certificate",
            "a file, relative to its kubeconfig, read again while the program runs",
            SAME,
            ("12-certificate", "14-relative-files", "12-certificate-twice"),
        ),
        Row(
            "client-certificate-data",
            "base64 of the same; refused together with the file",
            SAME,
            ("12-certificate-and-token", "10-bad-base64", "12-certificate-twice"),
        ),
        Row(
            "client-key",
            "a file; needed with a certificate, ignored without one, unencrypted",
            SAME,
            ("12-certificate-without-key", "12-key-alone", "12-encrypted-key"),
        ),
        Row(
            "client-key-data",
            "base64 of the same; may go with a certificate's file",
            SAME,
            ("12-certificate-file-key-data",),
        ),
        Row(
            "token",
            "a bearer token; refused together with a password; an exec plugin is not run",
            SAME,
            ("10-null-fields", "12-two-logins", "15-token-before-plugin"),
        ),
        Row(
            "tokenFile",
            "comes before token, and is read each minute; token if it cannot be read",
            SAME,
            ("12-token-and-token-file", "12-no-token-file", "12-empty-token-file"),
        ),
        Row("as", "Impersonate-User", SAME, ("13-as-groups", "13-option-overrides")),
        Row(
            "as-uid",
            "Impersonate-Uid; refused without as",
            SAME,
            ("13-as-groups", "13-uid-without-user"),
        ),
        Row(
            "as-groups",
            "Impersonate-Group, one header a group; refused without as",
            SAME,
            ("13-as-groups", "13-groups-without-user"),
        ),
        Row("as-user-extra", "Impersonate-Extra-KEY, KEY escaped", SAME, ("13-as-groups",)),
        Row("username", "basic authentication", SAME, ("12-basic-auth", "12-username-alone")),
        Row(
            "password",
            "ignored without a username",
            SAME,
            ("12-basic-auth", "12-two-logins"),
        ),
        Row(
            "auth-provider",
            "oidc alone; gcp and azure say what to use; refused together with exec",
            SAME,
            ("09-oidc-valid", "09-gcp", "09-azure", "15-plugin-and-provider"),
        ),
        Row("exec", "see ExecConfig", SAME, ("15-exec-info",)),
        Row("extensions", IGNORED, SAME, ("10-unknown-fields",)),
    ),
    "Context": (
        Row("cluster", "must be in clusters", SAME, ("14-no-such-cluster", "14-context")),
        Row(
            "user",
            "if it is not in users, nobody in particular asks",
            "must be in users",
            ("14-no-such-user", "14-context"),
        ),
        Row("namespace", "the default of -n", SAME, ("14-namespace",)),
        Row("extensions", IGNORED, SAME, ("10-unknown-fields",)),
    ),
    "ExecConfig": (
        Row(
            "command",
            "with a slash, relative to its kubeconfig; else looked up in the caller's PATH",
            SAME,
            ("14-relative-plugin", "14-plugin-in-path", "15-path-of-env", "15-no-command"),
        ),
        Row("args", "as they are", SAME, ("15-args-and-env",)),
        Row(
            "env",
            "added to the caller's environment",
            SAME,
            ("15-args-and-env", "15-variable-without-name"),
        ),
        Row(
            "apiVersion",
            "client.authentication.k8s.io/v1 or v1beta1, of the answer too",
            SAME,
            ("15-exec-info-v1beta1", "15-v1alpha1", "15-other-version"),
        ),
        Row("installHint", "shown if there is no such command", SAME, ("15-install-hint",)),
        Row(
            "provideClusterInfo",
            "the cluster is in KUBERNETES_EXEC_INFO",
            SAME,
            ("15-cluster-info", "15-exec-info"),
        ),
        Row(
            "interactiveMode",
            "Never, IfAvailable, Always; v1 demands one",
            SAME,
            ("15-no-stdin", "15-if-available", "15-always", "15-no-mode", "15-odd-mode"),
        ),
    ),
    "ExecEnvVar": (
        Row("name", "must not be empty", SAME, ("15-variable-without-name",)),
        Row("value", "may be empty", SAME, ("15-args-and-env",)),
    ),
    "AuthProviderConfig": (
        Row("name", "oidc", SAME, ("09-unknown-provider",)),
        Row(
            "config",
            "an expired id-token is renewed with refresh-token, and stored",
            "an expired id-token is an error that says to run kubectl or to use an exec plugin",
            ("09-oidc-issuer", "09-oidc-rotation", "09-oidc-no-issuer", "09-oidc-no-jwt"),
        ),
    ),
    "NamedExtension": (
        Row("name", "client.authentication.k8s.io/exec, in a cluster", SAME, ("15-cluster-info",)),
        Row("extension", "given to the exec plugin as config", SAME, ("15-cluster-info",)),
    ),
}
