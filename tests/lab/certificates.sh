# shellcheck shell=bash
# Certificates. The root's key is derived from a fixed seed, so that the root certificate is the
# same in every run and captures recorded on different days share one corp-root.pem. It is a
# throw-away: anybody can derive that key. All other keys are fresh.

ROOT_SEED=726f6c6563616c6c2d6c61622d7468726f77617761792d726f6f742d

# template FILE LINE...: a certtool template
template() { local file=$1; shift; printf '%s\n' "$@" >"$file"; }

# leaf NAME SUBJECT-CN BITS HASH LINE...: key and certificate by the issuing authority, and the chain
leaf() {
    local name=$1 cn=$2 bits=$3 hash=$4 pki=$LAB/pki
    shift 4
    certtool --generate-privkey --key-type=rsa --bits "$bits" --outfile "$pki/$name.key" 2>/dev/null
    template "$pki/$name.tmpl" "cn = \"$cn\"" "signing_key" "encryption_key" "$@"
    certtool --generate-certificate --template "$pki/$name.tmpl" --load-privkey "$pki/$name.key" \
        --load-ca-certificate "$pki/issuing.pem" --load-ca-privkey "$pki/issuing.key" \
        --hash "$hash" --outfile "$pki/$name.crt" 2>/dev/null
    cat "$pki/$name.crt" "$pki/issuing.pem" >"$pki/$name.pem"
}

make_certificates() {
    local pki=$LAB/pki day=86400 now from until host
    mkdir -p "$pki"
    now=$(date +%s)
    from="activation_date = \"$(date -u -d "@$((now - day))" '+%Y-%m-%d %H:%M:%S UTC')\""
    until="expiration_date = \"$(date -u -d "@$((now + 364 * day))" '+%Y-%m-%d %H:%M:%S UTC')\""

    certtool --generate-privkey --key-type=rsa --bits 2048 --provable --seed="$ROOT_SEED" \
        --outfile "$pki/root.key" 2>/dev/null
    template "$pki/root.tmpl" 'cn = "rolecall lab root"' 'organization = "Corp Example"' 'serial = 1' ca \
        cert_signing_key crl_signing_key 'path_len = 1' \
        'activation_date = "2020-01-01 00:00:00 UTC"' 'expiration_date = "2049-12-31 00:00:00 UTC"'
    certtool --generate-self-signed --template "$pki/root.tmpl" --load-privkey "$pki/root.key" \
        --hash SHA256 --outfile "$pki/root.pem" 2>/dev/null

    certtool --generate-privkey --key-type=rsa --bits 2048 --outfile "$pki/issuing.key" 2>/dev/null
    template "$pki/issuing.tmpl" 'cn = "rolecall lab issuing"' 'organization = "Corp Example"' ca \
        cert_signing_key crl_signing_key 'path_len = 0' "$from" \
        "expiration_date = \"$(date -u -d "@$((now + 1500 * day))" '+%Y-%m-%d %H:%M:%S UTC')\""
    certtool --generate-certificate --template "$pki/issuing.tmpl" --load-privkey "$pki/issuing.key" \
        --load-ca-certificate "$pki/root.pem" --load-ca-privkey "$pki/root.key" \
        --hash SHA256 --outfile "$pki/issuing.pem" 2>/dev/null

    for host in mp01 mp02 sup01 cmg01 proxy01; do
        leaf "$host" "$(fqdn "$host")" 2048 SHA256 "dns_name = \"$(fqdn "$host")\"" tls_www_server "$from" "$until"
    done
    for host in cl01 dp01 ni01; do
        leaf "$host-client" "$(fqdn "$host")" 2048 SHA256 "dns_name = \"$(fqdn "$host")\"" tls_www_client "$from" "$until"
    done
    # Each of these is mp01's certificate with one thing wrong.
    local san='dns_name = "mp01.corp.example"'
    leaf expired mp01.corp.example 2048 SHA256 "$san" tls_www_server \
        'activation_date = "2024-01-01 00:00:00 UTC"' 'expiration_date = "2025-01-01 00:00:00 UTC"'
    leaf mismatch mp99.corp.example 2048 SHA256 'dns_name = "mp99.corp.example"' tls_www_server "$from" "$until"
    leaf short mp01.corp.example 1024 SHA256 "$san" tls_www_server "$from" "$until"
    leaf sha1 mp01.corp.example 2048 SHA1 "$san" tls_www_server "$from" "$until"
    leaf noeku mp01.corp.example 2048 SHA256 "$san" tls_www_client "$from" "$until"
    certtool --generate-privkey --key-type=rsa --bits 2048 --outfile "$pki/selfsigned.key" 2>/dev/null
    template "$pki/selfsigned.tmpl" 'cn = "mp01.corp.example"' "$san" signing_key encryption_key tls_www_server "$from" "$until"
    certtool --generate-self-signed --template "$pki/selfsigned.tmpl" --load-privkey "$pki/selfsigned.key" \
        --hash SHA256 --outfile "$pki/selfsigned.pem" 2>/dev/null
    chmod 644 "$pki"/*
}

# The root goes beside each policy that names it.
publish_certificates() {
    mkdir -p "$OUT/demo"
    cp "$LAB/pki/root.pem" "$OUT/corp-root.pem"
    cp "$LAB/pki/root.pem" "$OUT/demo/corp-root.pem"
}
