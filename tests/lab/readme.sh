# shellcheck shell=bash
# pcaps/README.md, written from the cases, their commands and their findings.

package_versions() {
    local package
    for package in samba smbclient apache2 gnutls-bin openssl curl krb5-user ldap-utils tcpdump tshark; do
        printf '%s %s, ' "$package" "$(dpkg-query -W -f '${Version}' "$package")"
    done | sed 's/, $//'
}

# truth NAME: what the capture breaks, with the packets that decide it
truth() {
    local file=$OUT/$1.findings code client server packets
    if [[ ! -s $file ]]; then
        echo "breaks no rule"
        return
    fi
    while read -r code client server packets; do
        printf 'breaks **%s** in packet %s (%s to %s)<br>' "$code" "${packets//,/, }" "$client" "$server"
    done <"$file" | sed 's/<br>$//'
}

commands() {
    [[ ! -e $OUT/$1.commands ]] || sed -e 's/|/\\|/g' -e 's/^\([a-z0-9]*\): \(.*\)$/\1: `\2`/' "$OUT/$1.commands" | paste -sd' ' | sed 's/` \([a-z0-9]*: `\)/`<br>\1/g'
}

write_readme() {
    local name
    {
        cat <<'TEXT'
# Captures made by this project

Real traffic of real servers and clients, recorded by `tests/lab/lab.sh` in network namespaces; the case is the
file's name without `.pcap`, so `tests/lab/lab.sh record demo/breaches` makes that file anew. This page is written by
the same script. Beside each capture lie

- `CASE.findings`: what an audit must find, one line each: `CODE client-ip server-ip:port packet[,packet...]`. The
  packets are those that decide it, numbered as `frame.number` of Wireshark. Empty: nothing is wrong. The lists
  cover the rules R003, R010, R011, R013, R020, R027, R040 to R053, R060, R061, R062, R064 to R068, R090,
  R091, R092.
- `CASE.commands`: every command that was run while recording, and on which host.

The policy is `demo/policy.yaml` for the demo pair and `policy.yaml` for all others; both name `corp-root.pem`.
Hosts: dc01 10.77.0.10 (directory, KDC, DNS), cm01 .11 (site server), mp01 .12 (management point), dp01 .13
(distribution point, also known as nospn, a name without service principal), sup01 .14 (software update point),
mp02 .22 (management point of a secondary site), cl01 .101 (client), proxy01 10.77.9.5, usys01 10.77.9.20 (management
point in an untrusted forest), ni01 198.51.100.50 (client on the internet), cmg01 203.0.113.80 (cloud gateway).
The passwords and keys in these files are throw-aways of the laboratory and open nothing else.
Web servers answer with a fixed page: they are Apache, not the real role. Samba plays Windows.

One is not recorded: `names/lookups.pcap` is made by `tests/lab/make_names.py`, each message from its specification,
since nothing here speaks LLMNR, WINS or SSRP. It breaks no rule. What is true of it: of DNS a service (SRV) of a
management point in packet 2, a name that does not exist in 8, one asked three times in vain in 11 to 13, an update
refused in 15, a server on port 5300 in 16 and 17, TCP with the answers in the other order in 21 to 23; NetBIOS names
in 27 to 36 (broadcast, WINS, registration, status); LLMNR in 38 to 40; mDNS in 41 and 42; SQL Server Browser in 43 to
49.

Four captures are not recorded but built, message by message, by `tests/lab/made.py`, and `CASE.options` beside them
holds the options that their records are written with: `sql/sql-text` (TDS 7.4 in clear: batches, a procedure call, a
denied statement, a statement with a password, an attention), `sql/mars` (two sessions of MARS, crosswise),
`smb/reauthentication` (a session that expires and is set up again), `smb/netbios-139` (SMB behind a NetBIOS session).

The captures of `relay/` are built by `tests/lab/made.py` too, each with its near miss, under a policy of their own with
administrators, kiosks and a network access account: `r044-relay` (a desk calls the site server's EFSRPC, is sent its
computer account, and opens ADMIN$ of the distribution point with it: R043, R044, R045, R046, R064) and `r044-copies`
(one logon on both sides of an address translation), `r042-no-mic` (the same without a MIC), `r047-push` and
`r047-other-share`, `r048-network-access` and `r048-other-account`, `r053-relay` and `r053-two-tickets`, `r064-desk`
(service control, remote registry, shares of three site systems: R064, R065, R068) and `r064-administrator`.
`r051-webdav` and `r051-no-ntlm`, `r052-ntlm` and `r052-refused`, `r066-datalib` and `r066-package`, `r067-smb` and
`r067-administrator` are near misses of their own rule only: other rules find what their lists say.

TEXT
        echo "Recorded with Debian 12 packages: $(package_versions)."
        echo
        echo '| file | what it is | what is true of it | what was done |'
        echo '|---|---|---|---|'
        for name in "${CASES[@]}"; do
            [[ -e $OUT/$name.pcap ]] || continue
            printf '| %s.pcap | %s | %s | %s |\n' "$name" "${CASE_PURPOSE[$name]}" "$(truth "$name")" "$(commands "$name")"
        done
    } >"$OUT/README.md"
}
