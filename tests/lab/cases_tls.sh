# shellcheck shell=bash
# TLS: one thing wrong with the management point's TLS at a time. The client of a breaking case
# looks away (-k), as software that must not fail often does.

SERVER_HELLO='tls.handshake.type == 2'
mp_breaks() { expect "$1" "$CL" "$MP:443" 1 "$2"; }

# tls_case CERTIFICATE CLIENT-OPTIONS [SERVER-LINE...]
tls_case() {
    local certificate=$1 options=$2
    shift 2
    web mp01 "$certificate" "$@"
    start_capture
    get cl01 "https://mp01.corp.example$LIST" "$options"
}
WEAK='SSLCipherSuite ALL:@SECLEVEL=0'
WEAK_CLIENT='--ciphers DEFAULT@SECLEVEL=0'
TRUST='--cacert $PKI/root.pem'

new_case tls/r090-tls10 r090_tls10 policy.yaml 'TLS 1.0 is negotiated: R090'
r090_tls10() {
    tls_case mp01 "$TRUST --tlsv1.0 --tls-max 1.0 $WEAK_CLIENT" 'SSLProtocol -all +TLSv1' "$WEAK"
    mp_breaks R090 "$SERVER_HELLO and tls.handshake.version == 0x0301"
}

new_case tls/r090-tls11 r090_tls11 policy.yaml 'TLS 1.1 is negotiated: R090'
r090_tls11() {
    tls_case mp01 "$TRUST --tlsv1.1 --tls-max 1.1 $WEAK_CLIENT" 'SSLProtocol -all +TLSv1.1' "$WEAK"
    mp_breaks R090 "$SERVER_HELLO and tls.handshake.version == 0x0302"
}

new_case tls/r090-tls12 r090_tls12 policy.yaml 'near miss of R090: the client would take TLS 1.0, the server picks 1.2'
r090_tls12() {
    tls_case mp01 "$TRUST --tlsv1.0 --tls-max 1.2 $WEAK_CLIENT" 'SSLProtocol -all +TLSv1.2'
    shows 'TLS 1.2' "$SERVER_HELLO and tls.handshake.version == 0x0303"
}

new_case tls/r090-tls10-refused r090_refused policy.yaml 'near miss of R090: the client offers TLS 1.0 only and the server refuses by alert'
r090_refused() {
    web mp01 mp01 'SSLProtocol -all +TLSv1.2'
    start_capture
    MAY_FAIL=yes get cl01 "https://mp01.corp.example$LIST" "$TRUST --tlsv1.0 --tls-max 1.0 $WEAK_CLIENT"
    shows 'the alert' 'tls.alert_message.desc == 70'
    lacks 'a ServerHello' "$SERVER_HELLO"
}

new_case tls/r091-no-forward-secrecy r091_rsa policy.yaml 'TLS_RSA_WITH_AES_128_CBC_SHA, no forward secrecy: R091'
r091_rsa() {
    tls_case mp01 "$TRUST --tls-max 1.2 --ciphers AES128-SHA:@SECLEVEL=0" 'SSLProtocol -all +TLSv1.2' "$WEAK"
    mp_breaks R091 "$SERVER_HELLO and tls.handshake.ciphersuite == 0x002f"
}

# Debian's OpenSSL has neither 3DES nor RC4 any more, and Apache refuses suites without encryption; GnuTLS
# has them all.
gnutls_case() {     # CIPHER
    local priority="NONE:+VERS-TLS1.2:+RSA:+$1:+SHA1:+SIGN-ALL:+COMP-NULL:+CTYPE-X509"
    stop mp01 apache
    stop mp01 gnutls
    note mp01 "gnutls-serv with the certificate mp01, priority $priority"
    start mp01 gnutls "gnutls-serv --quiet --http --port 443 --x509certfile $LAB/pki/mp01.pem --x509keyfile $LAB/pki/mp01.key --priority $priority"
    wait_listening mp01 443
    start_capture
    run cl01 "(printf 'GET / HTTP/1.0\r\nHost: mp01.corp.example\r\n\r\n'; sleep 0.5) | gnutls-cli --logfile=cli.log --x509cafile \$PKI/root.pem --priority $priority mp01.corp.example"
    stop_capture
    stop mp01 gnutls
}

new_case tls/r091-null r091_null policy.yaml 'TLS_RSA_WITH_NULL_SHA, no encryption at all: R091'
r091_null() {
    gnutls_case NULL
    mp_breaks R091 "$SERVER_HELLO and tls.handshake.ciphersuite == 0x0002"
}

new_case tls/r091-3des r091_3des policy.yaml 'TLS_RSA_WITH_3DES_EDE_CBC_SHA: R091'
r091_3des() {
    gnutls_case 3DES-CBC
    mp_breaks R091 "$SERVER_HELLO and tls.handshake.ciphersuite == 0x000a"
}

new_case tls/r091-rc4 r091_rc4 policy.yaml 'TLS_RSA_WITH_RC4_128_SHA: R091'
r091_rc4() {
    gnutls_case ARCFOUR-128
    mp_breaks R091 "$SERVER_HELLO and tls.handshake.ciphersuite == 0x0005"
}

new_case tls/r091-ecdhe r091_ecdhe policy.yaml 'near miss of R091: the client offers weak suites too, the server picks ECDHE with AES-GCM'
r091_ecdhe() {
    tls_case mp01 "$TRUST --tls-max 1.2 --ciphers AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0" \
        'SSLProtocol -all +TLSv1.2' 'SSLHonorCipherOrder on' 'SSLCipherSuite ECDHE-RSA-AES128-GCM-SHA256'
    shows 'ECDHE' "$SERVER_HELLO and tls.handshake.ciphersuite == 0xc02f"
}

# certificate_case CERTIFICATE: the server shows it in TLS 1.2, where it can be read
certificate_case() {
    tls_case "$1" "-k --tls-max 1.2 $WEAK_CLIENT" 'SSLProtocol -all +TLSv1.2' "$WEAK"
    mp_breaks R092 'tls.handshake.type == 11'
    shows 'a full handshake' 'tls.change_cipher_spec and tcp.srcport == 443'
    shows 'forward secrecy' 'tls.handshake.type == 12'
}

new_case tls/r092-expired r092_expired policy.yaml 'the certificate ended in January 2025: R092'
r092_expired() { certificate_case expired; }

new_case tls/r092-self-signed r092_self_signed policy.yaml 'a self-signed certificate: R092'
r092_self_signed() { certificate_case selfsigned; }

new_case tls/r092-name-mismatch r092_mismatch policy.yaml 'mp01 shows a certificate for mp99: R092'
r092_mismatch() { certificate_case mismatch; }

new_case tls/r092-rsa-1024 r092_short policy.yaml 'a key of 1024 bits: R092'
r092_short() { certificate_case short; }

new_case tls/r092-sha1 r092_sha1 policy.yaml 'a certificate signed with SHA-1: R092'
r092_sha1() { certificate_case sha1; }

new_case tls/r092-no-server-auth r092_noeku policy.yaml 'a certificate for client authentication only: R092'
r092_noeku() { certificate_case noeku; }

new_case tls/r092-good r092_good policy.yaml 'near miss of R092: nothing is wrong with the certificate'
r092_good() {
    tls_case mp01 "$TRUST --tls-max 1.2" 'SSLProtocol -all +TLSv1.2'
    shows 'the certificate' 'tls.handshake.type == 11 and x509ce.dNSName == "mp01.corp.example"'
}

new_case tls/tls13-client-certificate tls13_client_certificate policy.yaml 'TLS 1.3 with a client certificate asked for and given; nothing of it can be read (nothing is wrong)'
tls13_client_certificate() {
    demo_web
    start_capture
    get cl01 "https://mp01.corp.example$LIST" "--tlsv1.3 $(client_certificate cl01)"
    shows 'TLS 1.3' "$SERVER_HELLO and tls.handshake.extensions.supported_version == 0x0304"
}
