# shellcheck shell=bash
# The servers: one domain (CORP.EXAMPLE) with its controller, two member servers, a stand-alone
# server of the untrusted side, and web servers whose configuration is written per case.

# Throw-away: these guard nothing but this laboratory, and they may be read in the captures.
PASSWORD='Passw0rd!23'
SMB_DAEMON='smbd -F --no-process-group'

provision() {
    start_directory
    local host
    for host in cm01 dp01; do join_domain "$host"; done
    on sup01 'mkdir -p /var/www/Content && head -c 2000 /dev/zero | tr "\0" "u" >/var/www/Content/update.cab'
    service_keytab sup01
    setup_usys
}

start_directory() {
    on dc01 "set -e; rm -f /etc/samba/smb.conf
        samba-tool domain provision --realm=CORP.EXAMPLE --domain=CORP --server-role=dc \
            --dns-backend=SAMBA_INTERNAL --host-ip=${ADDRESS[dc01]} --function-level=2008_R2 \
            --adminpass='$PASSWORD' --option='interfaces=${ADDRESS[dc01]}/16' >provision.log 2>&1
        sed -i '/dns forwarder/d; /^\[global\]/a \
            server services = rpc, wrepl, ldap, cldap, kdc, winbindd, dns, s3fs \n\
            tls enabled = no \n disable netbios = yes \n smb ports = 445 \n\
            bind interfaces only = no \n load printers = no \n disable spoolss = yes' /etc/samba/smb.conf"
    start dc01 samba samba -i --no-process-group
    wait_for 60 "the directory" on dc01 "smbclient //dc01.corp.example/netlogon -p 445 -U 'Administrator%$PASSWORD' -c ls"
    local host
    # The service that keeps the controller's own names up to date is off: it would chatter. Once by hand.
    on dc01 "set -e
        samba_spnupdate
        samba-tool user create svc-install '$PASSWORD'
        samba-tool user create alice '$PASSWORD'
        samba-tool dns zonecreate dc01.corp.example partner.example -U 'Administrator%$PASSWORD'" >"$LAB/dc01/log/accounts" 2>&1
    for host in cm01 mp01 dp01 sup01 mp02 cl01 proxy01; do add_name corp.example "$host" "${ADDRESS[$host]}"; done
    add_name corp.example nospn "${ADDRESS[dp01]}"
    add_name partner.example usys01 "${ADDRESS[usys01]}"
}

add_name() {
    on dc01 "samba-tool dns add dc01.corp.example $1 $2 A $3 -U 'Administrator%$PASSWORD'" >>"$LAB/dc01/log/accounts" 2>&1
}

# share NAME PATH LINE...: a share section of smb.conf on standard output
share() {
    local name=$1 path=$2
    shift 2
    printf '[%s]\n path = %s\n read only = no\n' "$name" "$path"
    [[ $# -eq 0 ]] || printf ' %s\n' "$@"
}

# SMB as the rules ask for it: SMB2 or later, every session signed, no guests, no NetBIOS.
smb_globals() {
    printf '%s\n' '[global]' "netbios name = ${1^^}" 'disable netbios = yes' 'smb ports = 445' \
        'name resolve order = host' 'server signing = mandatory' 'client signing = mandatory' \
        'client ipc signing = mandatory' 'server min protocol = SMB2_10' 'client min protocol = SMB2_10' \
        'restrict anonymous = 2' 'map to guest = never' 'load printers = no' 'disable spoolss = yes' \
        'server multi channel support = no' 'machine password timeout = 0'
}

join_domain() {
    local host=$1 conf=$LAB/$1/tmp/smb.conf
    {
        smb_globals "$host"
        printf '%s\n' 'workgroup = CORP' 'realm = CORP.EXAMPLE' 'security = ads' 'allow trusted domains = no' \
            'kerberos method = secrets and keytab' 'idmap config * : backend = tdb' \
            'idmap config * : range = 3000-7999' 'idmap config CORP : backend = rid' \
            'idmap config CORP : range = 10000-99999'
        share SMS_P01 /srv/sms
        share 'SMSPKGD$' /srv/packages
    } >"$conf"
    on "$host" "cp smb.conf /etc/samba/smb.conf
        mkdir -p /var/srv/sms /var/srv/packages && chmod 1777 /var/srv/*
        sed -i 's,/srv/,/var/srv/,' /etc/samba/smb.conf
        net ads join -U 'Administrator%$PASSWORD' --no-dns-updates" >"$LAB/$host/log/join" 2>&1
    start_member "$host"
}

start_member() {
    start "$1" winbindd winbindd -F --no-process-group
    wait_for 30 "winbind on $1" on "$1" 'wbinfo -t && wbinfo -n CORP\\svc-install'
    start "$1" smbd "$SMB_DAEMON"
    wait_listening "$1" 445
}

# Closes the long-lived connections of a host to the controller, so that a capture that begins
# now sees the opening of every connection it holds; what winbind knows already stays cached.
forget_connections() {
    on "$1" "ss -HK state established dst ${ADDRESS[dc01]} >/dev/null 2>&1"
}

# A web server that takes Kerberos needs an account with AES keys and its key table.
service_keytab() {
    local host=$1
    on "$host" "printf '%s\n' '[global]' 'netbios name = ${host^^}' 'workgroup = CORP' 'realm = CORP.EXAMPLE' \
            'security = ads' 'kerberos method = secrets and keytab' 'name resolve order = host' >/etc/samba/smb.conf
        net ads join -U 'Administrator%$PASSWORD' --no-dns-updates
        net ads keytab add_update_ads HTTP -U 'Administrator%$PASSWORD'
        chgrp www-data /etc/krb5.keytab && chmod 640 /etc/krb5.keytab" >"$LAB/$host/log/join" 2>&1
}

setup_usys() {
    on usys01 "useradd -M svc-install && mkdir -p /var/srv/sms && chmod 1777 /var/srv/sms" >"$LAB/usys01/log/setup" 2>&1
    usys_smb
    on usys01 "printf '%s\n%s\n' '$PASSWORD' '$PASSWORD' | smbpasswd -s -a svc-install" >>"$LAB/usys01/log/setup" 2>&1
}

# usys_smb [LINE...]: (re)start the stand-alone server; lines override the good settings
usys_smb() {
    [[ -z $BASE || $# -eq 0 ]] || note usys01 "smb.conf: $(printf '%s; ' "$@")"
    {
        smb_globals usys01
        printf '%s\n' 'workgroup = PARTNER' 'security = user' 'server role = standalone server'
        [[ $# -eq 0 ]] || printf '%s\n' "$@"
        share SMS_P01 /var/srv/sms 'guest ok = yes'
    } >"$LAB/usys01/tmp/smb.conf"
    stop usys01 smbd
    on usys01 'cp smb.conf /etc/samba/smb.conf'
    start usys01 smbd "$SMB_DAEMON"
    wait_listening usys01 445
}

wait_listening() {
    wait_for 15 "port $2 on $1" on "$1" "ss -Hltn 'sport = :$2' | grep -q ."
}

# web HOST CERTIFICATE [LINE...]: (re)start apache on 80 and 443; lines go to the TLS host,
# lines that begin with "global " to the whole server
web() {
    local host=$1 certificate=$2 line dir=$LAB/$1/tmp module
    shift 2
    [[ -z $BASE ]] || note "$host" "apache2 with the certificate $certificate; $(printf '%s; ' "$@" | tr '\n' ' ')"
    {
        for module in mpm_event authn_core authn_file authz_core authz_user auth_basic alias cgi mime dir env \
            headers socache_shmcb ssl auth_gssapi proxy proxy_connect; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        cat <<CONF
ServerName $(fqdn "$host")
PidFile /run/apache2/pid
DefaultRuntimeDir /run/apache2
Mutex file:/run/apache2 default
User www-data
Group www-data
ErrorLog $LAB/$host/log/apache-errors
ServerTokens Prod
TypesConfig /etc/mime.types
DocumentRoot /var/www
RegisterHttpMethod CCM_POST BITS_POST
ScriptAlias /SMS_MP $dir/role.sh
ScriptAlias /ccm_system $dir/role.sh
ScriptAlias /CCM_Proxy_ServerAuth $dir/role.sh
<Location />
  Require all granted
</Location>
SSLSessionCache none
SSLSessionTickets off
Listen 80
Listen 443
Listen 8530
Listen 8531
CONF
        for line in "$@"; do [[ $line != global\ * ]] || echo "${line#global }"; done
        printf '<VirtualHost *:443 *:8531>\nSSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s\n' \
            "$LAB/pki/$certificate.pem" "$LAB/pki/$certificate.key"
        for line in "$@"; do [[ $line == global\ * ]] || echo "$line"; done
        echo '</VirtualHost>'
    } >"$dir/httpd.conf"
    # What a role answers does not matter to an auditor; that it answers does.
    printf '%s\n' '#!/bin/sh' 'cat >/dev/null' 'printf "Content-Type: text/xml\r\n\r\n<Reply/>\n"' >"$dir/role.sh"
    chmod 755 "$dir/role.sh" "$dir"
    stop "$host" apache
    start "$host" apache "apache2 -DFOREGROUND -f $dir/httpd.conf"
    wait_listening "$host" 443
}
