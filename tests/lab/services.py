"""The servers: two directories, members, a stand-alone server, and what scenarios start on their hosts."""
import concurrent.futures, os

import network
from network import address, domain, folder, fqdn, on, put, start, stop, wait_for, wait_listening

PASSWORD = 'Passw0rd!23'
SHORT = {'corp.example': 'CORP', 'partner.example': 'PARTNER'}
SMBD = 'smbd -F --no-process-group'
MEMBERS = ('cm01', 'cm02', 'dp01', 'dp02', 'sql01', 'pm01')      # these run winbind and serve shares
WEB = ('mp01', 'sup01')                                        # these have an account and key table only
ACCOUNTS = {'corp.example': ('svc-install', 'svc-naa', 'svc-site', 'svc-mpdb', 'alice', 'bob', 'carol', 'dba'),
            'partner.example': ('svc-install', 'svc-publish')}


def both(function, items):
    """Runs a function for every item, all at once; the first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        for done in [pool.submit(function, item) for item in items]:
            done.result()


def provision():
    both(start_directory, list(network.CONTROLLERS.items()))
    both(join_domain, MEMBERS)
    both(service_account, WEB)
    for host, spn in (('sup01', 'HTTP'), ('mp01', 'HTTP'), ('sql01', 'MSSQLSvc')):
        on(host, 'net ads keytab add_update_ads %s -U "Administrator%%$PW"' % spn, 'join')
        on('dc01', 'samba-tool spn add MSSQLSvc/sql01.corp.example:1433 SQL01$', 'accounts', False) if spn != 'HTTP' else None
        on(host, 'chgrp www-data /etc/krb5.keytab && chmod 640 /etc/krb5.keytab', 'join')
    on('sup01', 'mkdir -p /var/www/Content && file_of 2000 /var/www/Content/update.cab')
    setup_standalone()


# Where a user's namespace may write the rights on files that Samba keeps beside them.
USER_ACL = 'acl_xattr:security_acl_name = user.NTACL'


def start_directory(item):
    name, dc = item
    on(dc, '''set -e; rm -f /etc/samba/smb.conf
samba-tool domain provision --realm=%s --domain=%s --server-role=dc --dns-backend=SAMBA_INTERNAL --host-ip=%s \
    --function-level=2008_R2 --adminpass="$PW" --option='interfaces=%s/16' %s
sed -i '/dns forwarder/d; /^\\[global\\]/a \\
    server services = rpc, wrepl, ldap, cldap, kdc, winbindd, dns, s3fs \\n\\
    disable netbios = yes \\n smb ports = 445 \\n dsdb:schema update allowed = yes \\n allow dns updates = nonsecure \\n\\
    ldap server require strong auth = no \\n ntlm auth = ntlmv1-permitted \\n\\
    tls enabled = yes \\n tls certfile = /etc/dc.pem \\n tls keyfile = /etc/dc.key \\n tls cafile = /etc/root.pem \\n\\
    %s \\n\\
    bind interfaces only = no \\n load printers = no \\n disable spoolss = yes' /etc/samba/smb.conf
cp "$PKI/$HOSTNAME.pem" /etc/dc.pem; cp "$PKI/$HOSTNAME.key" /etc/dc.key; cp "$PKI/root.pem" /etc/root.pem; chmod 600 /etc/dc.key'''
       % (name.upper(), SHORT[name], address(dc), address(dc), "--option='%s'" % USER_ACL if network.is_user() else '',
          ' \\n '.join(audit_lines(dc) + [USER_ACL] * network.is_user())), 'provision')
    start(dc, 'samba', 'samba -F --no-process-group')
    wait_for(60, 'the directory of ' + name, lambda: on(
        dc, 'smbclient //%s/netlogon -p 445 -U "Administrator%%$PW" -c ls' % fqdn(dc), 'waiting', False) == 0)
    other = next(d for d in network.CONTROLLERS if d != name)
    # The service that keeps the controller's own names up to date is off: it would chatter. Once by hand.
    on(dc, 'set -e; samba_spnupdate; samba-tool dns zonecreate %s %s -U "Administrator%%$PW"\n' % (fqdn(dc), other) +
       ''.join('samba-tool user create %s "$PW"\n' % user for user in ACCOUNTS[name]) +
       "samba-tool spn add HTTP/portal.%s svc-install\n" % name, 'accounts')
    add_names(dc, name, other)
    if name == 'corp.example':
        special_accounts(dc)
        publish_points(dc)


def special_accounts(dc):
    """Accounts whose tickets show what a directory that was let go shows."""
    users = []
    for number in range(1, 7):
        users.append('samba-tool user create svc-old%d "$PW"; samba-tool spn add SQL%d/old%d.corp.example svc-old%d'
                     % (number, number, number, number))
    strong = 'dn: CN=svc-install,CN=Users,DC=corp,DC=example\nchangetype: modify\nreplace: ' \
             'msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n\n'
    ldif = strong + ''.join('dn: CN=svc-old%d,CN=Users,DC=corp,DC=example\nchangetype: modify\nreplace: '
                    'msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 4\n\n' % n for n in range(1, 7))
    ldif += 'dn: CN=System Management,CN=System,DC=corp,DC=example\nchangetype: add\nobjectClass: container\n\n'
    on(dc, '\n'.join(users), 'accounts')
    put(dc, folder(dc, 'tmp', 'accounts.ldif'), ldif)
    on(dc, 'ldapmodify -x -H ldap://%s -D "Administrator@corp.example" -w "$PW" -f accounts.ldif' % address(dc), 'accounts')


def publish_points(dc):
    """The part of the directory's schema that clients look for management points by, and what the sites publish of them.
    The numbers of class and attributes are of the branch for tests of Samba's own schema: no packet shows them."""
    schema = 'CN=Schema,CN=Configuration,DC=corp,DC=example'
    number = '1.3.6.1.4.1.7165.4.6.1.99.%d'
    ldif = ''
    for at, (cn, shown) in enumerate((('MS-SMS-Site-Code', 'mSSMSSiteCode'), ('MS-SMS-MP-Name', 'mSSMSMPName'))):
        ldif += 'dn: CN=%s,%s\nchangetype: add\nobjectClass: attributeSchema\nlDAPDisplayName: %s\nattributeID: %s\n' \
                'attributeSyntax: 2.5.5.12\noMSyntax: 64\nisSingleValued: TRUE\n\n' % (cn, schema, shown, number % at)
    now = 'dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n\n'
    ldif += now + 'dn: CN=MS-SMS-Management-Point,%s\nchangetype: add\nobjectClass: classSchema\nsubClassOf: top\n' \
                  'lDAPDisplayName: mSSMSManagementPoint\ngovernsID: %s\nobjectClassCategory: 1\npossSuperiors: container\n' \
                  'mayContain: mSSMSSiteCode\nmayContain: mSSMSMPName\nmayContain: dNSHostName\n' \
                  'defaultSecurityDescriptor: D:(A;;GA;;;DA)(A;;GA;;;SY)(A;;RPLCLORC;;;AU)\n\n' % (schema, number % 9) + now
    for host, site in (('mp01', 'P01'), ('mp02', 'S01')):
        ldif += 'dn: CN=SMS-MP-%s-%s,CN=System Management,CN=System,DC=corp,DC=example\nchangetype: add\n' \
                'objectClass: mSSMSManagementPoint\nmSSMSSiteCode: %s\nmSSMSMPName: %s\ndNSHostName: %s\n\n' \
                % (site, fqdn(host).upper(), site, host.upper(), fqdn(host))
    put(dc, folder(dc, 'tmp', 'points.ldif'), ldif)
    on(dc, 'ldapmodify -x -H ldap://%s -D "Administrator@corp.example" -w "$PW" -f points.ldif' % address(dc), 'accounts')


def add_names(dc, name, other):
    """The members of both domains, in the zone of each on the controller of one."""
    lines = ['server ' + address(dc), 'zone ' + name]
    lines += ['update add %s 900 A %s' % (fqdn(h), address(h)) for h in network.HOSTS if domain(h) == name and h != dc]
    if name == 'corp.example':
        lines += ['update add nospn.corp.example 900 A ' + address('dp01'), 'update add sqlalias.corp.example 900 A ' + address('sql01')]
    # What management points publish of themselves in DNS.
    points = {'corp.example': (('p01', 'mp01'), ('s01', 'mp02')), 'partner.example': (('p01', 'usys01'),)}[name]
    lines += ['update add _mssms_mp_%s._tcp.%s 900 SRV 0 0 443 %s' % (site, name, fqdn(host)) for site, host in points]
    lines += ['send', 'zone ' + other]
    lines += ['update add %s 900 A %s' % (fqdn(h), address(h)) for h in network.HOSTS if domain(h) == other]
    far = network.CONTROLLERS[other]
    for service, port in (('_ldap._tcp', 389), ('_ldap._tcp.dc._msdcs', 389), ('_ldap._tcp.pdc._msdcs', 389),
                          ('_kerberos._tcp', 88), ('_kerberos._tcp.dc._msdcs', 88), ('_kerberos._udp', 88), ('_gc._tcp', 3268)):
        lines.append('update add %s.%s 900 SRV 0 100 %d %s' % (service, other, port, fqdn(far)))
    put(dc, folder(dc, 'tmp', 'names'), '\n'.join(lines + ['send', '']))
    on(dc, 'nsupdate names', 'accounts')


def smb_globals(host):
    """SMB as the rules ask for it: SMB2 or later, every session signed, no guests, no NetBIOS."""
    return ['[global]', 'netbios name = ' + host.upper(), 'disable netbios = yes', 'smb ports = 445',
            'name resolve order = host', 'server signing = mandatory', 'client signing = mandatory',
            'client ipc signing = mandatory', 'server min protocol = SMB2_10', 'client min protocol = SMB2_10',
            'restrict anonymous = 2', 'map to guest = never', 'load printers = no', 'disable spoolss = yes',
            'server multi channel support = no', 'machine password timeout = 0', *audit_lines(host)]


def audit_lines(host):
    """What a server itself says of who logged on, how and from where: JSON lines that agreement.py reads."""
    return ['log level = 0 auth_json_audit:4', 'log file = ' + folder(host, 'log', 'audit'), 'max log size = 0']


def domain_lines(host):
    name = domain(host)
    return ['workgroup = ' + SHORT[name], 'realm = ' + name.upper(), 'security = ads',
            'kerberos method = secrets and keytab', 'idmap config * : backend = tdb', 'idmap config * : range = 3000-7999',
            'idmap config %s : backend = rid' % SHORT[name], 'idmap config %s : range = 10000-99999' % SHORT[name]]


def share(name, path, *lines):
    return ['[%s]' % name, 'path = ' + path, 'read only = no', *lines]


SHARES = (('SMS_P01', '/var/srv/sms'), ('SMS_SITE', '/var/srv/site'), ('SMSPKGD$', '/var/srv/packages'),
          ('SCCMContentLib$', '/var/srv/library'), ('REMINST', '/var/srv/reminst'))


def member_conf(host, lines=()):
    # Only hosts of the scenarios with a trust look at other domains; the lines given come last and win.
    conf = smb_globals(host) + domain_lines(host) + ['allow trusted domains = no', *lines]
    for name, path in SHARES:
        conf += share(name, path)
    conf += share('ADMIN$', '/var/srv/admin')
    put(host, '/etc/samba/smb.conf', '\n'.join(conf) + '\n')


def join_domain(host):
    member_conf(host)
    on(host, 'mkdir -p %s && chmod 1777 /var/srv/*' % ' '.join([p for _, p in SHARES] + ['/var/srv/admin']), 'join')
    on(host, 'mkdir -p /var/srv/library/DataLib/P0100001.1 /var/srv/library/PkgLib /var/srv/reminst/SMSTemp; '
       'file_of 3000 /var/srv/reminst/SMSTemp/2026.01.01.boot.var; file_of 20000 /var/srv/packages/P0100001.pkg; chmod 666 /var/srv/packages/*; '
       'for n in 1 2 3 4 5 6 7 8; do mkdir -p /var/srv/library/DataLib/P010000$n.1; done', 'join')
    on(host, 'net ads join -U "Administrator%$PW" --no-dns-updates', 'join')
    start_member(host)


def start_member(host):
    start(host, 'winbindd', 'winbindd -F --no-process-group')
    wait_for(30, 'winbind on ' + host, lambda: on(host, "wbinfo -t && wbinfo -n %s'\\svc-install'" % SHORT[domain(host)],
                                                  'waiting', False) == 0)
    start(host, 'smbd', SMBD)
    wait_listening(host, 445)


def service_account(host):
    """A web server that takes Kerberos needs an account with AES keys and its key table."""
    put(host, '/etc/samba/smb.conf', '\n'.join(smb_globals(host) + domain_lines(host)) + '\n')
    on(host, 'net ads join -U "Administrator%$PW" --no-dns-updates', 'join')


def setup_standalone():
    for host, users in (('usys01', ('svc-install',)), ('wg01', ())):
        on(host, 'mkdir -p /var/srv/sms && chmod 1777 /var/srv/sms', 'setup')
        for user in users:
            on(host, 'useradd -M %s' % user, 'setup')
        standalone(host)
        for user in users:
            on(host, 'printf "%%s\\n%%s\\n" "$PW" "$PW" | smbpasswd -s -a %s' % user, 'setup')


def standalone(host, lines=()):
    """(Re)starts a stand-alone file server; lines override the good settings."""
    conf = smb_globals(host) + ['workgroup = ' + ('PARTNER' if host == 'usys01' else 'WORKGROUP'), 'security = user',
                                'server role = standalone server', *lines]
    conf += share('SMS_P01', '/var/srv/sms', 'guest ok = yes')
    stop(host, 'smbd')
    put(host, '/etc/samba/smb.conf', '\n'.join(conf) + '\n')
    start(host, 'smbd', SMBD)
    wait_listening(host, 445)


def smb(host, lines=()):
    """The file server of a host with these settings on top of the good ones."""
    if host not in MEMBERS:
        standalone(host, lines)
        return
    stop(host, 'smbd')
    stop(host, 'winbindd')
    member_conf(host, lines)
    start_member(host)


def forget_connections(host):
    """Closes the long-lived connections of a host to its controller, so that a capture that begins now sees the opening of
    every connection it holds; what winbind knows already stays cached."""
    dc = network.CONTROLLERS.get(domain(host))
    if dc:
        on(host, 'ss -HK state established dst %s >/dev/null 2>&1 || true' % address(dc), 'waiting')


MODULES = ('mpm_event authn_core authn_file authz_core authz_user auth_basic auth_digest alias cgi mime dir env headers '
           'socache_shmcb ssl auth_gssapi proxy proxy_connect proxy_http proxy_wstunnel http2 setenvif rewrite').split()


def web(host, certificate=None, server=(), tls=(), listen=(80, 443), secure=(443,), environment=''):
    """(Re)starts apache. `server` lines are for the whole server, `tls` lines for its TLS side."""
    work, certificate = folder(host, 'tmp'), certificate or host
    conf = ['LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so' % (m, m) for m in MODULES]
    conf += ['ServerName ' + fqdn(host), 'PidFile /run/apache2/pid', 'DefaultRuntimeDir /run/apache2',
             'Mutex file:/run/apache2 default', 'User www-data', 'Group www-data', 'ServerTokens Prod',
             'ErrorLog ' + folder(host, 'log', 'apache-errors'),
             'LogFormat "%h %{remote}p %u \\"%r\\" %>s" lab', 'CustomLog %s lab' % folder(host, 'log', 'apache-access'),
             'TypesConfig /etc/mime.types', 'DocumentRoot /var/www', 'RegisterHttpMethod CCM_POST BITS_POST',
             'SSLSessionCache none', 'SSLSessionTickets off']
    conf += ['ScriptAlias %s %s/role.cgi%s' % (path, work, path) for path in ROLE_PATHS]
    conf += ['<Location />\nRequire all granted\n</Location>', *['Listen %d' % port for port in listen], *server]
    conf += ['<VirtualHost %s>' % ' '.join('*:%d' % port for port in secure), 'SSLEngine on',
             'SSLCertificateFile %s/pki/%s.pem' % (network.lab(), certificate),
             'SSLCertificateKeyFile %s/pki/%s.key' % (network.lab(), certificate), *tls, '</VirtualHost>']
    stop(host, 'apache')
    put(host, os.path.join(work, 'httpd.conf'), '\n'.join(conf).replace('$PKI', folder('pki')) + '\n')
    put(host, os.path.join(work, 'role.cgi'), '#!/bin/sh\nexec /usr/bin/python3 %s/role.py\n' % network.HERE, 0o755)
    os.chmod(work, 0o755)
    start(host, 'apache', 'env %s apache2 -DFOREGROUND -f %s/httpd.conf' % (environment, work))
    for port in listen:
        wait_listening(host, port)


# What role.py answers for.
ROLE_PATHS = ('/SMS_MP', '/SMS_MP_AltAuth', '/ccm_system', '/ccm_system_windowsauth', '/CCM_Proxy_ServerAuth', '/SMS_FSP',
              '/SMS_DP_SMSPKG$', '/NOCERT_SMS_DP_SMSPKG$', '/SimpleAuthWebService', '/ClientWebService',
              '/ReportingWebService', '/wsman', '/AdminService')


def daemon(host, name, command, port=None, kind='t'):
    """Something else that a scenario starts; it ends with the scenario."""
    stop(host, name)
    start(host, name, command)
    if port:
        wait_listening(host, port, kind)


def make_trust():
    """A forest trust, both ways. Samba cannot validate one at once that it has just forgotten."""
    on('dc01', 'samba-tool domain trust create PARTNER.EXAMPLE --type=forest --direction=both --create-location=both '
       '--skip-validation -U "Administrator@PARTNER.EXAMPLE%$PW"', 'trust')


def end_trust():
    on('dc01', 'samba-tool domain trust delete PARTNER.EXAMPLE --delete-location=both -U "Administrator@PARTNER.EXAMPLE%$PW"',
       'trust', False)
