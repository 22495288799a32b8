# shellcheck shell=bash
# The demo pair: the same morning in the same hierarchy, twice. The captures differ in three
# things only; each has a function for the wrong way and one for the right way.

new_case demo/breaches demo_breaches demo/policy.yaml 'three breaches among correct traffic: R010, R020, R040'
new_case demo/clean    demo_clean    demo/policy.yaml 'the twin of breaches: the same three things done right'

CURL='curl -sS -f -o reply'
demo_web() { web mp01 mp01 'SSLProtocol -all +TLSv1.2 +TLSv1.3' 'SSLVerifyClient require' "SSLCACertificateFile $LAB/pki/root.pem" 'SSLVerifyDepth 3'; }
client_certificate() { echo "--cacert \$PKI/root.pem --cert \$PKI/$1-client.pem --key \$PKI/$1-client.key"; }

demo_setup() {
    demo_web
    usys_smb
    on cl01 'kdestroy -A'
    on cm01 'kdestroy -A; head -c 4000 /dev/zero | tr "\0" "p" >package.bin'
    # The first visit of an account makes winbind on dp01 look up its groups; that is not for the record.
    on cm01 "kinit -k 'CM01\$@CORP.EXAMPLE'
        smbclient //dp01.corp.example/SMSPKGD\$ --use-krb5-ccache=\$KRB5CCNAME --use-kerberos=required -c ls
        smbclient //dp01.corp.example/SMSPKGD\$ -U 'CORP/svc-install%$PASSWORD' --use-kerberos=off -c ls
        smbclient //dp01.corp.example/SMSPKGD\$ -U 'svc-install@CORP.EXAMPLE%$PASSWORD' --use-kerberos=required -c ls
        kdestroy -A" >"$LAB/cm01/log/warm-up" 2>&1
    forget_connections dp01
    on cm01 'net cache flush'
    start_capture
}

# What is right in both captures: a user logs on and searches the directory, the site server
# hands a package to the distribution point, which reports to the management point.
demo_correct_traffic() {
    run cl01 "echo '$PASSWORD' | kinit alice@CORP.EXAMPLE"
    run cl01 "ldapsearch -N -Q -Y GSSAPI -H ldap://dc01.corp.example -b dc=corp,dc=example '(sAMAccountName=cm01\$)' dNSHostName"
    run cm01 "kinit -k 'CM01\$@CORP.EXAMPLE'"
    run cm01 "smbclient //dp01.corp.example/SMSPKGD\$ -p 445 --use-krb5-ccache=\$KRB5CCNAME --use-kerberos=required -c 'put package.bin P0100001.pkg'"
    run dp01 "$CURL $(client_certificate dp01) --tlsv1.3 https://mp01.corp.example/SMS_MP/.sms_aut?MPCERT"
}

mp_requests() {   # SCHEME, and the curl options for it
    echo "$CURL -A 'SMS CCM 5.0' $2 $1://mp01.corp.example/SMS_MP/.sms_aut?MPLIST --next" \
        "${CURL#curl} -A ccmhttp $2 -X CCM_POST --data-binary 'location request' $1://mp01.corp.example/ccm_system/request"
}

send_package() {  # the name by which the site server calls the distribution point
    run cm01 "smbclient //$1/SMSPKGD\$ -p 445 -U 'svc-install@CORP.EXAMPLE%$PASSWORD' --use-kerberos=desired -c 'put package.bin P0100002.pkg'"
}

demo_breaches() {
    demo_setup
    demo_correct_traffic
    run cl01 "$(mp_requests http '')"
    run_fails usys01 "smbclient //cm01.corp.example/SMS_P01 -p 445 --use-krb5-ccache=FILE:none --use-kerberos=required -c ls"
    send_package nospn.corp.example
    stop_capture

    expect R010 "${ADDRESS[cl01]}" "${ADDRESS[mp01]}:80" 9 'http.request'
    expect R020 "${ADDRESS[usys01]}" "${ADDRESS[cm01]}:445" 2 "tcp.flags.syn == 1 and ip.addr == ${ADDRESS[usys01]}"
    expect R040 "${ADDRESS[cm01]}" "${ADDRESS[dp01]}:445" 1 "ntlmssp.messagetype == 3 and ip.src == ${ADDRESS[cm01]}"
    shows 'the KDC does not know the alias' 'kerberos.error_code == 7'
    shows 'the ticket asked for' 'kerberos.msg_type == 12 and kerberos.SNameString == "nospn.corp.example"'
    shows 'the NTLM logon succeeds' "smb2.cmd == 1 and smb2.nt_status == 0 and ip.src == ${ADDRESS[dp01]}"
    demo_common_claims
}

demo_clean() {
    demo_setup
    demo_correct_traffic
    run cl01 "$(mp_requests https "--tls-max 1.2 $(client_certificate cl01)")"
    run cm01 "smbclient //usys01.partner.example/SMS_P01 -p 445 -U 'PARTNER/svc-install%$PASSWORD' --use-kerberos=off -c 'put package.bin P0100002.pkg'"
    send_package dp01.corp.example
    stop_capture

    shows 'TLS 1.2 with ECDHE' 'tls.handshake.type == 2 and (tls.handshake.ciphersuite == 0xc02f or tls.handshake.ciphersuite == 0xc030)'
    shows 'the certificate of the management point' 'tls.handshake.type == 11 and x509ce.dNSName == "mp01.corp.example"'
    shows 'the site server opens SMB to the untrusted system' "tcp.flags == 2 and ip.src == ${ADDRESS[cm01]} and ip.dst == ${ADDRESS[usys01]}"
    lacks 'HTTP in clear' 'http'
    lacks 'the untrusted system opening a connection' "tcp.flags == 2 and ip.src == ${ADDRESS[usys01]}"
    lacks 'NTLM inside the forest' "ntlmssp and ip.addr == ${ADDRESS[cm01]} and ip.addr == ${ADDRESS[dp01]}"
    lacks 'unknown service principals' 'kerberos.error_code == 7'
    demo_common_claims
}

# True of both captures, whatever else happens in them
demo_common_claims() {
    lacks 'SMB1' 'smb and not smb2'
    lacks 'an SMB server that does not require signing' 'smb2.cmd == 0 and smb2.flags.response == 1 and smb2.sec_mode.sign_required == 0'
    lacks 'unsigned requests after logon' 'smb2.flags.response == 0 and smb2.cmd > 1 and smb2.flags.signature == 0'
    lacks 'guests' 'smb2.ses_flags.guest == 1 or smb2.ses_flags.null == 1'
    lacks 'RC4 or DES tickets' 'kerberos.msg_type == 13 and (kerberos.etype == 23 or kerberos.etype == 3 or kerberos.etype == 1)'
    lacks 'old TLS' 'tls.handshake.type == 2 and tls.handshake.version < 0x0303'
    lacks 'NetBIOS, LLMNR or mDNS' 'nbns or llmnr or mdns'
    lacks 'unknown names' 'dns.flags.rcode != 0'
    lacks 'LDAP in clear after a bind' 'ldap.protocolOp == 3 and tcp and not gss-api and not ldap.baseObject == ""'
}
