# shellcheck shell=bash
# Single-purpose captures: one that breaks a rule, and the near miss that does not. The stand-alone
# server of the untrusted forest (usys01) serves most SMB cases: between forests without a trust
# NTLM is right, so only the one thing the case is about is wrong.

CL=${ADDRESS[cl01]} CM=${ADDRESS[cm01]} MP=${ADDRESS[mp01]} DP=${ADDRESS[dp01]} US=${ADDRESS[usys01]}
USER_OF_PARTNER="PARTNER/svc-install%$PASSWORD"
ANSWERED='smb2.flags.response == 1'
AFTER_LOGON='smb2.flags.response == 0 and smb2.cmd > 1'

# smb_case [SERVER-LINE...]: usys01 with these settings, then the recording starts
smb_case() { usys_smb "$@"; start_capture; }

# to_usys OPTIONS: the site server lists the share of usys01
to_usys() { run cm01 "smbclient //usys01.partner.example/SMS_P01 -p 445 --use-kerberos=off $1 -c ls"; }
usys_breaks() { expect "$1" "$CM" "$US:445" 1 "$2"; }

# --- NTLM
new_case ntlm/r041-ntlmv1 r041_ntlmv1 policy.yaml 'NTLMv1 (no extended session security) answers a challenge: R041'
r041_ntlmv1() {
    smb_case 'ntlm auth = ntlmv1-permitted'
    to_usys "-U '$USER_OF_PARTNER' --option='client ntlmv2 auth=no' --option='ntlmssp_client:ntlm2=no'"
    usys_breaks R041 'ntlmssp.messagetype == 3'
    shows 'a 24-byte NT response' 'ntlmssp.auth.ntresponse and ntlmssp.messagetype == 3 and not ntlmssp.ntlmv2_response'
}

new_case ntlm/r041-ntlmv2 r041_ntlmv2 policy.yaml 'near miss of R041: the server would take NTLMv1, the client sends NTLMv2'
r041_ntlmv2() {
    smb_case 'ntlm auth = ntlmv1-permitted'
    to_usys "-U '$USER_OF_PARTNER'"
    shows 'an NTLMv2 response' 'ntlmssp.ntlmv2_response'
}

# --- SMB
new_case smb/r049-guest r049_guest policy.yaml 'an account that the server does not know is let in as guest: R049'
r049_guest() {
    smb_case 'map to guest = bad user' 'restrict anonymous = 0'
    to_usys "-U 'PARTNER/svc-deploy%$PASSWORD' --option='client signing=if_required' --option='client ipc signing=if_required'"
    usys_breaks R049 "smb2.cmd == 1 and smb2.ses_flags.guest == 1"
    shows 'a share opened' "smb2.cmd == 3 and $ANSWERED and smb2.nt_status == 0 and smb2.share_type == 1"
}

new_case smb/r049-anonymous r049_anonymous policy.yaml 'a null session opens a share: R049'
r049_anonymous() {
    smb_case 'map to guest = bad user' 'restrict anonymous = 0'
    to_usys "-N -U '%' --option='client signing=if_required' --option='client ipc signing=if_required'"
    usys_breaks R049 "smb2.cmd == 1 and $ANSWERED and smb2.nt_status == 0"
    shows 'an empty NT response' 'ntlmssp.messagetype == 3 and not ntlmssp.ntlmv2_response'
    shows 'a share opened' "smb2.cmd == 3 and $ANSWERED and smb2.nt_status == 0 and smb2.share_type == 1"
}

new_case smb/r049-authenticated r049_authenticated policy.yaml 'near miss of R049: the same server lets guests in, the client logs on with an account'
r049_authenticated() {
    smb_case 'map to guest = bad user' 'restrict anonymous = 0'
    to_usys "-U '$USER_OF_PARTNER'"
    lacks 'guests' 'smb2.ses_flags.guest == 1 or smb2.ses_flags.null == 1'
    shows 'a share opened' "smb2.cmd == 3 and $ANSWERED and smb2.nt_status == 0 and smb2.share_type == 1"
}

SMB1_ANSWER='smb.cmd == 0x72 and smb.flags.response == 1'
new_case smb/r060-smb1 r060_smb1 policy.yaml 'client and server speak SMB1 only: R060'
r060_smb1() {
    smb_case 'server min protocol = NT1'
    to_usys "-U '$USER_OF_PARTNER' -m NT1 --option='client min protocol=NT1'"
    usys_breaks R060 "$SMB1_ANSWER"
    shows 'an SMB1 session' 'smb.cmd == 0x73 and smb.flags.response == 1 and smb.nt_status == 0'
    lacks 'SMB2' smb2
}

new_case smb/r060-smb1-chosen r060_smb1_chosen policy.yaml 'the client offers SMB1 and SMB2, the server takes SMB1: R060'
r060_smb1_chosen() {
    smb_case 'server min protocol = NT1' 'server max protocol = NT1'
    to_usys "-U '$USER_OF_PARTNER' --option='client min protocol=NT1' --option='client max protocol=SMB3'"
    usys_breaks R060 "$SMB1_ANSWER"
    shows 'SMB2 on offer' 'smb.dialect.name == "SMB 2.???"'
}

new_case smb/r060-multi-protocol r060_multi_protocol policy.yaml 'near miss of R060: a multi-protocol negotiate in SMB1 form, answered with SMB2'
r060_multi_protocol() {
    smb_case
    to_usys "-U '$USER_OF_PARTNER' --option='client min protocol=NT1' --option='client max protocol=SMB3'"
    shows 'the multi-protocol negotiate' 'smb.cmd == 0x72 and smb.dialect.name == "SMB 2.???"'
    lacks 'an SMB1 answer' 'smb.flags.response == 1'
}

NOT_REQUIRED="smb2.cmd == 0 and $ANSWERED and smb2.sec_mode.sign_required == 0"
UNSIGNED="$AFTER_LOGON and smb2.flags.signature == 0"
new_case smb/r061-signing-enabled r061_signing_enabled policy.yaml 'the server offers signing and does not require it; the session is signed all the same: R061'
r061_signing_enabled() {
    smb_case 'server signing = auto'
    to_usys "-U '$USER_OF_PARTNER'"
    usys_breaks R061 "$NOT_REQUIRED"
    lacks 'unsigned requests' "$UNSIGNED"
}

new_case smb/r061-signing-required r061_signing_required policy.yaml 'near miss of R061: the server requires signing, the client only enables it'
r061_signing_required() {
    smb_case
    to_usys "-U '$USER_OF_PARTNER' --option='client signing=if_required'"
    lacks 'a server that does not require signing' "$NOT_REQUIRED"
}

new_case smb/r062-unsigned r062_unsigned policy.yaml 'a session without signatures moves a file: R062, and R061 since only such a server takes it'
r062_unsigned() {
    on cm01 'head -c 4000 /dev/zero | tr "\0" "p" >package.bin'
    smb_case 'server signing = auto'
    run cm01 "smbclient //usys01.partner.example/SMS_P01 -p 445 --use-kerberos=off -U '$USER_OF_PARTNER' \
--option='client signing=off' --option='client ipc signing=off' -c 'put package.bin P0100002.pkg'"
    usys_breaks R061 "$NOT_REQUIRED"
    usys_breaks R062 "$UNSIGNED"
    shows 'a write' "smb2.cmd == 9 and $UNSIGNED"
}

new_case smb/r062-signed r062_signed policy.yaml 'near miss of R062: the same transfer, every request signed'
r062_signed() {
    on cm01 'head -c 4000 /dev/zero | tr "\0" "p" >package.bin'
    smb_case
    run cm01 "smbclient //usys01.partner.example/SMS_P01 -p 445 --use-kerberos=off -U '$USER_OF_PARTNER' -c 'put package.bin P0100002.pkg'"
    lacks 'unsigned requests' "$UNSIGNED"
    shows 'a signed write' 'smb2.cmd == 9 and smb2.flags.signature == 1'
}

new_case smb/r062-encrypted r062_encrypted policy.yaml 'near miss of R062, and SMB 3.1.1 encryption: nothing carries a signature, all is inside transform headers'
r062_encrypted() {
    smb_case
    to_usys "-U '$USER_OF_PARTNER' --client-protection=encrypt"
    shows 'encrypted messages' 'smb2.header.transform.signature'
    lacks 'requests in clear after the logon' "$UNSIGNED and not smb2.header.transform.signature"
}

# --- direction between site systems
member_case() {     # FROM TO: a member visits another's share with its computer account
    # shellcheck disable=SC2016
    local visit="kinit -k '${1^^}\$@CORP.EXAMPLE'; smbclient //$2.corp.example/SMS_P01 -p 445 --use-krb5-ccache=\$KRB5CCNAME --use-kerberos=required -c ls"
    on "$1" "$visit; kdestroy -A; net cache flush" >>"$LAB/$1/log/commands" 2>&1
    forget_connections "$2"
    start_capture
    run "$1" "$visit"
    shows 'the connection' "tcp.flags == 2 and ip.src == ${ADDRESS[$1]} and ip.dst == ${ADDRESS[$2]} and tcp.dstport == 445"
}

new_case smb/r003-dp-to-site-server r003_wrong policy.yaml 'the distribution point opens SMB to the site server: R003'
r003_wrong() {
    member_case dp01 cm01
    expect R003 "$DP" "$CM:445" 1 "tcp.flags == 2 and ip.src == $DP and tcp.dstport == 445 and ip.dst == $CM"
}

new_case smb/r003-site-server-to-dp r003_right policy.yaml 'near miss of R003: the site server opens SMB to the distribution point'
r003_right() { member_case cm01 dp01; }

# --- HTTP
SUP=${ADDRESS[sup01]}
basic_sup() {
    on sup01 "printf 'alice:%s\n' \"\$(openssl passwd -apr1 '$PASSWORD')\" >/var/www/users"
    web sup01 sup01 $'global <Location /Content>\nAuthType Basic\nAuthName updates\nAuthUserFile /var/www/users\nRequire valid-user\n</Location>'
    start_capture
}

new_case http/r050-basic r050_basic policy.yaml 'user name and password in an HTTP header in clear: R050'
r050_basic() {
    basic_sup
    run cl01 "$CURL -u 'alice:$PASSWORD' http://sup01.corp.example:8530/Content/update.cab"
    expect R050 "$CL" "$SUP:8530" 1 'http.authorization contains "Basic"'
}

new_case http/r050-basic-in-tls r050_basic_in_tls policy.yaml 'near miss of R050: Basic inside TLS'
r050_basic_in_tls() {
    basic_sup
    run cl01 "$CURL --tls-max 1.2 --cacert \$PKI/root.pem -u 'alice:$PASSWORD' https://sup01.corp.example:8531/Content/update.cab"
    lacks 'HTTP in clear' http
}

new_case http/r050-negotiate r050_negotiate policy.yaml 'near miss of R050: Negotiate with Kerberos over HTTP'
r050_negotiate() {
    web sup01 sup01 $'global <Location /Content>\nAuthType GSSAPI\nGssapiCredStore keytab:/etc/krb5.keytab\nGssapiAllowedMech krb5\nRequire valid-user\n</Location>'
    start_capture
    run cl01 "echo '$PASSWORD' | kinit alice@CORP.EXAMPLE"
    run cl01 "$CURL --negotiate -u : http://sup01.corp.example:8530/Content/update.cab"
    shows 'Kerberos in the header' 'http.authorization contains "Negotiate" and kerberos'
    lacks 'NTLM' ntlmssp
}

# get HOST URL [OPTIONS]: a client fetches something
get() { run "$1" "$CURL -A 'SMS CCM 5.0' ${3:-} '$2'"; }
LIST=/SMS_MP/.sms_aut?MPLIST

new_case http/r011-fallback r011_fallback policy.yaml 'TLS ends with an alert, then the client asks the same role by HTTP: R011, and R010 since it is HTTPS only'
r011_fallback() {
    web mp01 mp01 'SSLProtocol -all +TLSv1.3'
    start_capture
    MAY_FAIL=yes get cl01 "https://mp01.corp.example$LIST" '--tls-max 1.2'
    get cl01 "http://mp01.corp.example$LIST"
    expect R010 "$CL" "$MP:80" 1 http.request
    expect R011 "$CL" "$MP:80" 1 http.request
    shows 'the alert' 'tls.alert_message.level == 2'
}

new_case http/r011-retry r011_retry policy.yaml 'near miss of R011: TLS ends with an alert, the retry by TLS 1.3 succeeds'
r011_retry() {
    web mp01 mp01 'SSLProtocol -all +TLSv1.3'
    start_capture
    MAY_FAIL=yes get cl01 "https://mp01.corp.example$LIST" '--tls-max 1.2'
    get cl01 "https://mp01.corp.example$LIST" '--cacert $PKI/root.pem'
    shows 'the alert' 'tls.alert_message.level == 2'
    lacks 'HTTP in clear' http
}

NI=${ADDRESS[ni01]} CMG=${ADDRESS[cmg01]}
CLOUD=cmg01.cloud.example/CCM_Proxy_ServerAuth/AADAuthInfo
new_case http/r013-cloud-http r013_cloud_http policy.yaml 'HTTP in clear to the cloud management gateway: R013'
r013_cloud_http() {
    web cmg01 cmg01
    start_capture
    get ni01 "http://$CLOUD"
    expect R013 "$NI" "$CMG:80" 1 http.request
}

new_case http/r013-cloud-https r013_cloud_https policy.yaml 'near miss of R013: the same request by HTTPS'
r013_cloud_https() {
    web cmg01 cmg01
    start_capture
    get ni01 "https://$CLOUD" '--tls-max 1.2 --cacert $PKI/root.pem'
    lacks 'HTTP in clear' http
}

new_case http/proxy-connect proxy_connect policy.yaml 'a client on the internet reaches the management point through CONNECT at the proxy (nothing is wrong)'
proxy_connect() {
    web mp01 mp01
    web proxy01 proxy01 'global Listen 8080' 'global ProxyRequests On' 'global AllowCONNECT 443'
    start_capture
    get ni01 "https://mp01.corp.example$LIST" '--proxy http://proxy01.corp.example:8080 --tls-max 1.2 --cacert $PKI/root.pem'
    shows 'CONNECT' 'http.request.method == "CONNECT"'
    shows 'TLS from the proxy' "tls.handshake.type == 1 and ip.src == ${ADDRESS[proxy01]}"
}

# What a case needs beside the packages: its script, where the host's commands run.
script() { cp "$HERE/$2" "$LAB/$1/tmp/"; }

new_case http/r010-ccm-post r010_ccm_post policy.yaml 'clients post messages by HTTP to an HTTPS-only management point, signed or not, encrypted or not: R010'
r010_ccm_post() {
    local message="-X CCM_POST -A 'ConfigMgr Messaging HTTP Sender' -H 'Content-Type: multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\"' --data-binary @message"
    web mp01 mp01
    script cl01 ccm_message.py
    start_capture
    run cl01 'python3 ccm_message.py MP_ClientRegistration CL01 mp01.corp.example >message'
    run cl01 "$CURL $message http://mp01.corp.example/ccm_system/request"
    run cl01 'python3 ccm_message.py MP_PolicyManager CL01 mp01.corp.example --sign >message'
    run cl01 "$CURL $message http://mp01.corp.example/ccm_system/request"
    run cl01 'python3 ccm_message.py MP_HinvEndpoint CL01 mp01.corp.example --sign --encrypt >message'
    run cl01 "$CURL $message http://mp01.corp.example/ccm_system/request"
    expect R010 "$CL" "$MP:80" 1 'tcp.payload contains "CCM_POST"'
    shows 'messages' 'http.request.method == "CCM_POST"'
}

H2C='global LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so'
new_case http/h2c-prior-knowledge h2c_prior_knowledge policy.yaml 'HTTP/2 in clear from the first octet: two requests of one connection, and one of another client (nothing is wrong)'
h2c_prior_knowledge() {
    web sup01 sup01 "$H2C" 'global Protocols h2c http/1.1'
    start_capture
    run cl01 "nghttp -n --no-dep http://sup01.corp.example:8530/Content/update.cab http://sup01.corp.example:8530/index.html"
    run cl01 "echo body | $CURL --http2-prior-knowledge -A 'SMS CCM 5.0' --data-binary @- http://sup01.corp.example:8530/SMS_MP/x"
    shows 'the preface' 'tcp.payload contains "PRI * HTTP/2.0"'
    lacks 'an upgrade' 'http.upgrade'
}

new_case http/h2c-upgrade h2c_upgrade policy.yaml 'HTTP/1.1 that is upgraded to HTTP/2 in clear (nothing is wrong)'
h2c_upgrade() {
    web sup01 sup01 "$H2C" 'global Protocols h2c http/1.1' 'global H2Upgrade on'
    start_capture
    run cl01 "nghttp -nu http://sup01.corp.example:8530/Content/update.cab http://sup01.corp.example:8530/Content/other.cab"
    shows 'the switch' 'http.response.code == 101'
    shows 'the preface' 'tcp.payload contains "PRI * HTTP/2.0"'
}

new_case http/websocket-tunnel websocket_tunnel policy.yaml 'an HTTP request inside a WebSocket (nothing is wrong)'
websocket_tunnel() {
    web sup01 sup01 'global LoadModule proxy_wstunnel_module /usr/lib/apache2/modules/mod_proxy_wstunnel.so' \
        'global ProxyPass /tunnel ws://127.0.0.1:9000/'
    script sup01 websocket.py
    script cl01 websocket.py
    start sup01 relay "python3 websocket.py relay 9000 127.0.0.1 8530"
    note sup01 'python3 websocket.py relay 9000 127.0.0.1 8530'
    wait_listening sup01 9000
    start_capture
    run cl01 "python3 websocket.py send ws://sup01.corp.example:8530/tunnel/ 'GET /Content/inside.cab HTTP/1.1\\r\\nHost: inside.corp.example\\r\\n\\r\\n'"
    stop sup01 relay
    shows 'the switch' 'http.response.code == 101'
    shows 'frames' 'websocket.opcode == 2'
}

# --- zones
internet_to() {     # HOST
    web "$1" "$1"
    start_capture
    get ni01 "https://$1.corp.example$LIST" '--tls-max 1.2 --cacert $PKI/root.pem'
}

new_case tls/r027-internet-to-secondary r027_secondary policy.yaml 'a client on the internet uses the management point of a secondary site: R027'
r027_secondary() {
    internet_to mp02
    expect R027 "$NI" "${ADDRESS[mp02]}:443" 1 'tcp.flags == 2'
}

new_case tls/r027-internet-to-primary r027_primary policy.yaml 'near miss of R027: the management point of the primary site, which serves the internet'
r027_primary() { internet_to mp01; }
