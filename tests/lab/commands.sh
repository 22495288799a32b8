# shellcheck shell=bash
# What the commands of scenarios may use: names for what they all say. Sourced on every host before every command.

# Throw-away: these guard nothing but this laboratory, and they may be read in the captures.
PW='Passw0rd!23'
CURL='curl -sS -f -o reply'
TRUST="--cacert $PKI/root.pem"
LIST=/SMS_MP/.sms_aut?MPLIST
MESSAGE='multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"'
export PW

# client_certificate: options of curl that show this host's certificate
client_certificate() { echo "$TRUST --cert $PKI/$HOSTNAME-client.pem --key $PKI/$HOSTNAME-client.key"; }

# ticket USER [REALM]: a logon with the password
ticket() { echo "$PW" | kinit "$1@${2:-CORP.EXAMPLE}" >/dev/null; }

# machine_ticket [REALM]: a logon with this host's computer account
machine_ticket() { kinit -k "${HOSTNAME^^}\$@${1:-CORP.EXAMPLE}"; }

# share_by_kerberos SERVER SHARE [COMMANDS]: with the ticket at hand
share_by_kerberos() { smbclient "//$1/$2" -p 445 --use-krb5-ccache="$KRB5CCNAME" --use-kerberos=required -c "${3:-ls}"; }

# share_by_ntlm SERVER SHARE ACCOUNT COMMANDS [OPTION...]: with a password
share_by_ntlm() { smbclient "//$1/$2" -p 445 --use-kerberos=off -U "$3%$PW" -c "$4" "${@:5}"; }

# get URL [OPTION...]: a client fetches something;   post URL ENDPOINT [OPTION...]: sends a message
get() { $CURL -A 'SMS CCM 5.0' "${@:2}" "$1"; }
post() {
    python3 "$HERE/ccm_message.py" "$2" "${HOSTNAME^^}" "$(echo "$1" | cut -d/ -f3)" --sign >message
    $CURL -X CCM_POST -A 'ConfigMgr Messaging HTTP Sender' -H "Content-Type: $MESSAGE" --data-binary @message "${@:3}" "$1"
}

# file_of BYTES NAME: something to send
file_of() { head -c "$1" /dev/zero | tr '\0' p >"$2"; }

# directory WORDS...: a search in the directory; the words say how to bind
directory() { LDAPTLS_CACERT=$PKI/root.pem ldapsearch -N -Q -LLL -H ldap://dc01.corp.example -b dc=corp,dc=example "$@"; }
directory_simple() { LDAPTLS_CACERT=$PKI/root.pem ldapsearch -N -LLL -x -D alice@corp.example -w "$PW" -b dc=corp,dc=example "$@"; }

# points SITE: the management points that a site published; signed and readable, as Windows asks
points() { directory -Y GSSAPI -O maxssf=1 "(&(objectClass=mSSMSManagementPoint)(mSSMSSiteCode=$1))" mSSMSMPName dNSHostName; }
# catalog DOMAIN FILTER: a search in the global catalog of a controller;   ping_controller NAME: the LDAP ping
catalog() { ldapsearch -N -Q -LLL -Y GSSAPI -H "ldap://$1:3268" -b '' "$2" cn; }
ping_controller() { net -s /dev/null ads lookup -S "$1"; }

# sql ENCRYPTION STATEMENT [WORD...]: FreeTDS; encryption is off, request or require, the words say who logs on
sql() {
    printf '[global]\ntds version = 7.4\nencryption = %s\n' "$1" >freetds.conf
    printf '%s\ngo\nquit\n' "$2" | FREETDSCONF=$PWD/freetds.conf timeout 10 tsql -o q -H sql01.corp.example -p "${SQL_PORT:-1433}" "${@:3}"
}

# say HOST PORT WORDS: octets to a port, and what comes back
say() {
    exec 3<>"/dev/tcp/$1/$2"
    printf '%b' "$3" >&3
    timeout 1 cat <&3 >answer || true
    exec 3>&-
}

# machine_password: of this host's computer account, for NTLM with it
machine_password() {
    /usr/bin/python3 -c 'from samba.credentials import Credentials
from samba.param import LoadParm
context, account = LoadParm(), Credentials()
context.load_default()
account.guess(context)
account.set_machine_account(context)
print(account.get_password())'
}

# Who works where on the day.
case $HOSTNAME in
    cl02) ME=bob ;;
    cl03) ME=carol ;;
    adm01) ME=dba ;;
    *) ME=alice ;;
esac
export ME
