// Package sprig: this file stands in for Sprig's crypto.go and network.go when the engine is built
// (see ../hatch_build.py). The four digests are Sprig's own; the rest, which functions.go of this
// engine leaves out, would bring all of crypto and net into the binary, some 4 MB.
package sprig

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash/adler32"
)

func sha512sum(input string) string {
	hash := sha512.Sum512([]byte(input))
	return hex.EncodeToString(hash[:])
}

func sha256sum(input string) string {
	hash := sha256.Sum256([]byte(input))
	return hex.EncodeToString(hash[:])
}

func sha1sum(input string) string {
	hash := sha1.Sum([]byte(input))
	return hex.EncodeToString(hash[:])
}

func adler32sum(input string) string {
	hash := adler32.Checksum([]byte(input))
	return fmt.Sprintf("%d", hash)
}

// Sprig's map of functions names these; nil is not a function, so none of them can be called.
// (interface{}, since `any` is a function of Sprig here.)
var (
	bcrypt, htpasswd, derivePassword, encryptAES, decryptAES, randBytes, uuidv4, getHostByName interface{}

	generatePrivateKey, buildCustomCertificate, generateCertificateAuthority,
	generateCertificateAuthorityWithPEMKey, generateSelfSignedCertificate,
	generateSelfSignedCertificateWithPEMKey, generateSignedCertificate,
	generateSignedCertificateWithPEMKey interface{}
)
