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
  cover the rules R002 to R006, R008 to R032, R040 to R053, R060 to R062, R064 to R068, R070 to R073, R080 to
  R083, R090 to R092, R100 to R105, R110, R112 to R116, R120 to R125.
- `CASE.verdicts`, for some: verdicts that must be among the others, one line each: `CODE status subject`.
- `CASE.commands`: every command that was run while recording, and on which host.

`near-misses.txt` names near misses beside those whose name says so. `tests/audit_pcaps.py` ends with a table of every rule, the
captures that break it and its near misses, and fails where a rule lacks either.

The policy is `demo/policy.yaml` for the demo pair, a folder's own `policy.yaml`, or else `policy.yaml`; the first and last name `corp-root.pem`.
Hosts: dc01 10.77.0.10 (directory, KDC, DNS), cm01 .11 (site server), mp01 .12 (management point), dp01 .13
(distribution point, also known as nospn, a name without service principal), sup01 .14 (software update point),
mp02 .22 (management point of a secondary site), cl01 .101 (client), proxy01 10.77.9.5, usys01 10.77.9.20 (management
point in an untrusted forest), ni01 198.51.100.50 (client on the internet), cmg01 203.0.113.80 (cloud gateway).
The passwords and keys in these files are throw-aways of the laboratory and open nothing else.
Web servers answer with a fixed page: they are Apache, not the real role. Samba plays Windows.

One is not recorded: `names/lookups.pcap` is made by `tests/lab/make_names.py`, each message from its specification,
since nothing here speaks LLMNR, WINS or SSRP. It breaks R116 in packet 44 (mp01). What is true of it: of DNS a service (SRV) of a
management point in packet 2, a name that does not exist in 8, one asked three times in vain in 11 to 13, an update
refused in 15, a server on port 5300 in 16 and 17, TCP with the answers in the other order in 21 to 23; NetBIOS names
in 27 to 36 (broadcast, WINS, registration, status); LLMNR in 38 to 40; mDNS in 41 and 42; SQL Server Browser in 43 to
49.

Four captures are not recorded but built, message by message, by `tests/lab/made.py`, and `CASE.options` beside them
holds the options that their records are written with: `sql/sql-text` (TDS 7.4 in clear: batches, a procedure call, a
denied statement, a statement with a password, an attention), `sql/mars` (two sessions of MARS, crosswise),
`smb/reauthentication` (a session that expires and is set up again), `smb/netbios-139` (SMB behind a NetBIOS session).

The captures of `topology/`, `client/` and `forest/` are built by `tests/lab/made_roles.py` in the same way, each with
its near miss beside it; `client/policy.yaml`, `forest/policy.yaml` and `CASE.yaml` are their policies. Broken are: R002
by `r002-controller-to-site-server` (near miss `r002-site-server-to-update-point`), R004 by `r004-client-smb`
(`r004-site-server-smb`), R005 by `r005-http-on-https-port` (`r005-tls-on-https-port`), R012 by `r012-tls` (`r012-http`),
R014 by `r014-anonymous` (`r014-authenticated`), R015 by `r015-client-push` (`r015-client-push-declared`), R016 by
`r016-metadata` (`r016-content`), R017 by `r017-site-issued` (`r017-authority`), R018 by `r018-clear` (`r018-tls`), R019
by `r019-unsigned` (`http/r010-ccm-post`), R021 by `r021-distribution-point-sql` (`r021-management-point-sql`), R022 by
`r022-other-account` (`r022-installation-account`), R023 by `r023-no-trust` (`r023-forest-trust`), R024 by
`r024-other-forest` (`r024-same-forest`; both break R008, too), R025 by `r025-abroad` (`r025-nothing-at-home`), R026 by
`r026-workgroup-global-catalogue` (`r026-member-global-catalogue`), R028 by `r028-https-to-http` (`r028-https-to-https`),
R029 by `r029-tunnel` (`r028-https-to-https`), R031 by `r031-unknown-management-point` (`r031-management-point`), R032 by
`r032-by-address` (`r032-by-name`).

`tests/lab/made_sites.py` builds what rests on the policy beside it (`CASE.yaml`). Broken are: R006 by
`topology/r006-management-point` (an undeclared host takes a client's message; near miss `r006-refused`) and, with R115,
by `topology/r006-pxe` (it answers PXE for a task sequence; `r006-pxe-declared`), R008 by
`topology/r008-catalogue` (`r008-article`: the same, judged by the article), R009 by `topology/r009-outside-schedule`
(`r009-within-schedule`; frames cut after 96 octets), R030 by `forest/r030-bridge` (`r030-tunnel`), R019 by
`client/r019-readable` (inventory of a site that encrypts; `r019-not-encrypted`), R115 by `admin/r115-no-boot-network`
(`r115-desks`).

`tests/lab/made_chapters.py` builds the pairs of LDAP, Kerberos, SQL and administration in the same way; those of `sql`
and `admin` have a `policy.yaml` of their own (sql01 10.77.0.14, sql02 .24, sql00 .4 of the parent site; prov01 .15, an
SMS Provider; administrators .200). Of each pair the first breaks the rule, the second is its near miss:
`ldap/r070-simple` (a password in a bind) and `r070-starttls`; `ldap/r071-unsigned` (plain messages after a SASL bind)
and `r071-sealed`; `ldap/r072-site-server` (NTLM in a bind of cm01) and `r072-client` (of cl01: R040 only);
`ldap/r073-rights` (who has rights on CN=System Management?) and `r073-client` (where is a management point?);
`kerberos/r080-rc4` (an RC4 ticket) and `r080-aes` (RC4 offered, AES issued); `kerberos/r081-five-rc4` (five services)
and `r081-five-aes`; `kerberos/r082-none` (an AS-REP without pre-authentication) and `r082-timestamp`;
`kerberos/r083-same-host` (an unknown name, then NTLM to that host) and `r083-other-host`; `sql/sql-text` (R100, R101)
with `sql/r100-encrypted` and `sql/r101-windows`; `sql/r102-client` (a client reaches the database) and
`r102-management-point`; `sql/r103-unbound` (NTLM without channel binding) and `r103-channel-binding`;
`sql/r104-siblings` (databases of two primary sites) and `r104-parent`; `sql/r105-takeover` (mp01 writes itself into
RBAC_Admins) and `r105-site-server` (R100 only); `admin/r110-client` (WMI of the provider),
`r112-client` (Remote Desktop), `r113-client` (remote control), each with `-administrator`; `admin/r114-stranger` (a
registration from no declared network) and `r114-client`; `admin/r115-other-network`
(PXE behind a relay that is not declared) and `r115-desks`; `admin/r116-site-system` (LLMNR) and `r116-client`.

The captures of `relay/` are built by `tests/lab/made.py` too, each with its near miss, under a policy of their own with
administrators, kiosks and a network access account: `r044-relay` (a desk calls the site server's EFSRPC, is sent its
computer account, and opens ADMIN$ of the distribution point with it: R043, R044, R045, R046, R064) and `r044-copies`
(one logon on both sides of an address translation), `r042-no-mic` (the same without a MIC), `r047-push` and
`r047-other-share`, `r048-network-access` and `r048-other-account`, `r053-relay` and `r053-two-tickets`, `r064-desk`
(service control, remote registry, shares of three site systems: R064, R065, R068) and `r064-administrator`.
`r051-webdav` and `r051-no-ntlm`, `r052-ntlm` and `r052-refused`, `r066-datalib` and `r066-package`, `r067-smb` and
`r067-administrator` are near misses of their own rule only: other rules find what their lists say.

Those of `coverage/` are built by `tests/lab/made_coverage.py`, under a policy of two forests that trust each other.
R123: `r123-silent` (three SYNs to mp01 without an answer, while dp01 answers) and `r123-prohibited` (ICMP 3/13 about a
SYN to dp01); near misses `r123-restart` (a reset, then an answer) and `r123-one-way` (the sensor hears nobody answer).
R124: `r124-no-such-name` (mp05 of the other forest, then LLMNR: R116 too) and `r124-second-try`. R125:
`r125-other-address` (DNS has mp01 elsewhere) and `r125-declared-address`, `r125-other-forest` (mp01's NTLM challenge
names a domain of the other forest; R040 too) and `r125-own-forest` (R040 only). R120, R121 and R122 find nothing, what
they say are verdicts: `r120-gap` (a segment is missing) and `r120-whole`, `r121-no-replication` and `r121-replication`
(databases of parent and child), `r122-encrypted` (SQL) and `r122-readable`.

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
