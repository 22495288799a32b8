"""lab_statements.py - how each statement of lab/facts.jsonl is judged: capture, the statement's first words, checks.

'summary' stands for the capture's summary, an action for the outcome of that event; every other text is one of the
capture's `truth`. Who opened what, by which protocol and as which account is judged of each event by lab_test.py;
what it cannot derive stands in ENDS and ACCOUNTS. Written from records.md and the specifications, with the packets at
hand where a statement and its capture disagree.
"""
from lab_checks import begins, every, has, least, none, order, rec, some, times

CL, SITE, WG, USYS, INET = '10.77.0.101', '10.77.0.11', '10.77.0.150', '10.77.0.21', '198.51.100.50'
DCA, MP, DP, SQL, PROXY, DCB = '10.77.0.10', '10.77.0.12', '10.77.0.13', '10.77.0.14', '10.77.0.200', '10.77.0.20'


def to(client, server, port):
    return '%s > %s:%d' % (client, server, port)


CL_DP, CL_MP, CL_HTTP, CL_KDC = to(CL, DP, 445), to(CL, MP, 443), to(CL, MP, 80), to(CL, DCA, 88)
SITE_DP, SITE_LDAP, SITE_KDC, SITE_SQL = to(SITE, DP, 445), to(SITE, DCA, 389), to(SITE, DCA, 88), to(SITE, SQL, 1433)
CL_DNS, WG_LDAP, WG_SMB = to(CL, DCA, 53), to(WG, DCA, 389), to(WG, DCA, 445)
MP_NAME, AES = 'mp01.corp.example', 'aes256-cts-hmac-sha1-96'
SMB3 = begins('3')
# Samba's clients offer SMB 1 as "NT LANMAN 1.0" and "NT LM 0.12", and its servers choose the first (index 0, as in
# packet 40 of smb1-kerberos): two names of one dialect.
NT1 = {'NT LM 0.12', 'NT LANMAN 1.0'}


def tls(ends=CL_MP, established=True, **more):
    return rec('tls', ends, established=established, **more)


def as_ticket(ends, client, realm='CORP.EXAMPLE', **more):
    """An AS exchange that ends with a ticket, after the KDC asked for preauthentication."""
    same = dict(exchange='as', client=client, realm=realm)
    return some(rec('kerberos', ends, error='KDC_ERR_PREAUTH_REQUIRED', error_code=25, **same),
                rec('kerberos', ends, error=None, ticket_etype=AES, **dict(same, **more)))


def tgs(ends, service, **more):
    return rec('kerberos', ends, exchange='tgs', service=service, **more)


def unknown_service(ends, service):
    return tgs(ends, service, error='KDC_ERR_S_PRINCIPAL_UNKNOWN', error_code=7, ticket_etype=None)


def ap(ends, carrier, service, **more):
    return rec('kerberos', ends, exchange='ap', carrier=carrier, service=service, ticket_etype=AES, result='success', **more)


def ntlm(ends, carrier, user, result='success', variant='v2', **more):
    return rec('ntlm', ends, carrier=carrier, user=user, result=result, variant=variant, **more)


def setup(ends, status='STATUS_SUCCESS', **more):
    return rec('smb', ends, message='session_setup', status=status, **more)


def negotiated(ends, dialect, **more):
    return rec('smb', ends, message='negotiate', dialect=dialect, **more)


def share(ends, name, **more):
    return rec('smb', ends, message='tree_connect', path=has('\\' + name), status='STATUS_SUCCESS', **more)


def written(ends, name, octets, **more):
    return rec('smb', ends, message='transfer', path=has('\\' + name), written_bytes=octets, **more)


def bind(ends, mechanism, result='success', code=0, **more):
    return rec('ldap', ends, operation='bind', mechanism=mechanism, result=result, result_code=code, **more)


def ldap(ends, operation, **more):
    return rec('ldap', ends, operation=operation, result='success', result_code=0, **more)


def logged_on(ends, user, name, **more):
    """An SMB 3 session by NTLM and a share opened in it."""
    return some(negotiated(ends, SMB3), ntlm(ends, 'smb', user, **more), setup(ends), share(ends, name, share_type='disk'))


def refused(ends, user, domain):
    return [some(rec('smb', ends, message='session_setup', status='STATUS_LOGON_FAILURE', status_code='0xc000006d'),
                 ntlm(ends, 'smb', user, 'failure', domain=domain)),
            none(rec('smb', ends, message='session_setup', status='STATUS_SUCCESS')), none(rec('smb', ends, message='tree_connect'))]


GET = dict(method='GET', status=200)
SHARE_TICKET = 'cifs/dp01.corp.example'
NOSPN = 'cifs/nospn.corp.example'
SQL_SPN = 'MSSQLSvc/sql01.corp.example:'
ADMIN_DN = has('cn=administrator,', 'dc=corp,dc=example')
CONTAINER = has('cn=sms-test,')

STATEMENTS = [
    ('adv-low-mtu-udp-fragments.pcap', 'summary',
     some(tgs(CL_KDC, SHARE_TICKET, transport='udp', error='KRB_ERR_RESPONSE_TOO_BIG'), rec('flow', CL_MP, protocol='tls'))),
    ('adv-low-mtu-udp-fragments.pcap', 'kinit+kvno UDP', as_ticket(CL_KDC, 'alice'),
     some(tgs(CL_KDC, SHARE_TICKET, ticket_etype=AES, error=None))),
    ('adv-low-mtu-udp-fragments.pcap', 'GET', some(tls(version='TLS 1.2', server_name=MP_NAME))),

    ('adv-overlap.pcap', 'summary', some(rec('flow', CL_DP, retransmissions__client=least(1)), rec('flow', CL_HTTP, retransmissions__client=least(1))),
     none(rec('flow', missing__client=least(1)))),
    ('adv-overlap.pcap', 'SMB upload', logged_on(CL_DP, 'svc-site', 'SMS_PS1', domain='CORP'),
     some(written(CL_DP, 'SMS_PS1', 300000))),
    ('adv-overlap.pcap', 'CCM_POST', some(rec('http', CL_HTTP, method='CCM_POST', uri='/ccm_system/request', status=200,
                                              user_agent='ccmhttp', host=MP_NAME, request_bytes=12))),

    ('adv-vlan.pcap', 'summary', every(rec('flow'), tunnel=has('vlan:110'))),
    ('adv-vlan.pcap', 'GET in VLAN', some(rec('http', CL_HTTP, host=MP, uri='/SMS_MP/.sms_aut?MPLIST', **GET))),
    ('adv-vlan.pcap', 'TLS in VLAN', some(tls(server_name=None))),

    ('client-push-like.pcap', 'summary',
     order(ap(to(SITE, CL, 445), 'smb', 'cifs/cl01.corp.example'), share(to(SITE, CL, 445), 'ADMIN$', share_type='disk'),
           rec('dcerpc', to(SITE, CL, 445), carrier=begins('smb-pipe:')), rec('dcerpc', to(SITE, DCA, 135), interface='epmapper', carrier='tcp'))),
    ('client-push-like.pcap', 'AS', as_ticket(SITE_KDC, 'PS1SITE$')),
    ('client-push-like.pcap', 'copy ccmsetup to ADMIN$',
     some(negotiated(to(SITE, CL, 445), SMB3), setup(to(SITE, CL, 445), mechanism='kerberos'), written(to(SITE, CL, 445), 'ADMIN$', 50000))),
    ('client-push-like.pcap', 'srvsvc over named pipe',
     some(ntlm(to(SITE, CL, 445), 'smb', 'svc-site'), share(to(SITE, CL, 445), 'IPC$', share_type='pipe'),
          rec('dcerpc', to(SITE, CL, 445), interface='srvsvc', carrier='smb-pipe:srvsvc'))),
    ('client-push-like.pcap', 'LSA over TCP via endpoint mapper',
     some(rec('dcerpc', to(SITE, DCA, 135), interface='epmapper'),
          rec('dcerpc', SITE + ' > ' + DCA, interface='lsarpc', carrier='tcp', auth='ntlm', level='integrity'),
          rec('ntlm', SITE + ' > ' + DCA, carrier='dcerpc', user='svc-site', domain='CORP', status='nca_s_fault_access_denied'))),

    ('dns-timeout.pcap', 'summary', every(rec('dns', CL_DNS), rcode='timeout', answers=None),
     some(rec('dns', CL_DNS, query=MP_NAME, qtype='A')), every(rec('flow', CL_DNS), state='unanswered')),
    ('dns-timeout.pcap', 'DNS timeout', some(rec('dns', CL_DNS, query=MP_NAME, qtype='A', rcode='timeout', transport='udp', kind='dns'))),
    ('dns-timeout.pcap', 'HTTP fails because', some(rec('dns', CL_DNS, query=MP_NAME, qtype='AAAA', rcode='timeout')),
     none(rec('http')), none(rec('flow', protocol='http'))),

    ('domain-join.pcap', 'summary',
     some(*(rec('flow', WG + ' > ' + DCA, protocol=p) for p in ('smb', 'kerberos', 'dns')),
          rec('flow', WG_LDAP, protocol='ldap', transport='tcp'), rec('flow', WG_LDAP, protocol='ldap', transport='udp'),
          rec('ldap', WG_LDAP, operation='search', transport='udp', result='success'))),
    ('domain-join.pcap', 'net ads join then leave', as_ticket(to(WG, DCA, 88), 'Administrator'), as_ticket(to(WG, DCA, 88), 'WG01$'),
     some(ntlm(WG_SMB, 'smb', 'Administrator'), setup(WG_SMB), ap(WG_LDAP, 'ldap', 'ldap/dc01a.corp.example'),
          bind(WG_LDAP, 'gss-spnego', protection={'sign', 'seal'}), ap(WG_SMB, 'smb', 'cifs/dc01a.corp.example'),
          rec('dcerpc', WG_SMB, interface='lsarpc'), rec('dcerpc', WG_SMB, interface='netlogon', auth='netlogon', level='privacy'))),

    ('http-keepalive-pipelined.pcap', 'summary', times(3, rec('http', CL_HTTP, uri='/SMS_MP/.sms_aut?MPCERT', **GET)),
     times(1, rec('flow', CL_HTTP))),
    ('http-keepalive-pipelined.pcap', '3 GETs one connection', times(3, rec('http', CL_HTTP, host=MP_NAME, **GET))),

    ('http-ntlm.pcap', 'summary', some(rec('http', CL_HTTP, status=401, auth_offered=has('ntlm')), rec('http', CL_HTTP, auth='ntlm'))),
    ('http-ntlm.pcap', 'curl sends the workstation name', every(rec('ntlm', CL_HTTP, carrier='http'), workstation='WORKSTATION', user='alice', domain='CORP')),
    ('http-ntlm.pcap', 'GET NTLM good', some(ntlm(CL_HTTP, 'http', 'alice', domain='CORP'), rec('http', CL_HTTP, auth='ntlm', **GET))),
    ('http-ntlm.pcap', 'GET NTLM bad password', some(ntlm(CL_HTTP, 'http', 'alice', 'failure', domain='CORP'), rec('http', CL_HTTP, auth='ntlm', status=401))),

    # Certificates and the request for one are encrypted in TLS 1.3 (RFC 8446 4.3.2), and so is the alert that ends it.
    ('https-clientcert-missing-tls13.pcap', 'summary', some(tls(version='TLS 1.3', certificate_visible=False, client_certificate=None))),
    ('https-clientcert-missing-tls13.pcap', 'GET without client certificate',
     some(tls(version='TLS 1.3', server_name=MP_NAME, client_certificate=None))),

    ('https-expired-cert-accepted.pcap', 'summary', some(tls(certificate__not_after='2025-01-01T00:00:00Z', alert=None))),
    ('https-expired-cert-accepted.pcap', 'Server certificate file', some(tls(certificate__subject='CN=' + MP_NAME, certificate__not_after='2025-01-01T00:00:00Z'))),
    ('https-expired-cert-accepted.pcap', 'GET', some(tls(version='TLS 1.2', server_name=MP_NAME))),

    ('https-expired-cert-rejected.pcap', 'summary',
     some(tls(established=False, alert='certificate_expired', alert_from='client', certificate__not_after='2025-01-01T00:00:00Z'))),
    ('https-expired-cert-rejected.pcap', 'Server certificate file', some(tls(established=False, certificate__subject='CN=' + MP_NAME, certificate__not_after='2025-01-01T00:00:00Z'))),
    ('https-expired-cert-rejected.pcap', 'GET', some(tls(established=False, version='TLS 1.2')), none(tls())),

    ('https-no-sni-ip.pcap', 'summary', some(tls(server_name=None))),
    ('https-no-sni-ip.pcap', 'GET by IP', some(tls(server_name=None, version='TLS 1.3'))),

    ('https-on-port-80.pcap', 'summary', some(tls(CL_HTTP), rec('flow', CL_HTTP, protocol='tls', identified_by='content'))),
    ('https-on-port-80.pcap', 'TLS on 80', some(tls(CL_HTTP, server_name=MP_NAME))),

    ('https-resumption.pcap', 'summary', times(2, tls(version='TLS 1.2', session_resumed=True)), times(1, tls(version='TLS 1.3', session_resumed=True))),
    ('https-resumption.pcap', 'Six connections; 2nd, 4th, 6th',
     order(*(tls(session_resumed=again) for again in (False, True) * 3)), times(6, rec('tls')),
     every(rec('tls', session_resumed=True), certificate=None, certificate_visible=False)),
    ('https-resumption.pcap', 'TLS 1.2 ticket', order(tls(version='TLS 1.2', session_resumed=False), tls(version='TLS 1.2', session_resumed=True))),
    ('https-resumption.pcap', 'TLS 1.2 session id', times(2, tls(version='TLS 1.2', session_resumed=False)), times(2, tls(version='TLS 1.2', session_resumed=True))),
    ('https-resumption.pcap', 'TLS 1.3 PSK', order(tls(version='TLS 1.3', session_resumed=False), tls(version='TLS 1.3', session_resumed=True))),

    ('https-selfsigned-accepted.pcap', 'summary', some(tls(certificate__self_signed=True, chain_length=1))),
    ('https-selfsigned-accepted.pcap', 'Server certificate file', some(tls(certificate__self_signed=True, certificate__subject='CN=' + MP_NAME, certificate__issuer='CN=' + MP_NAME))),
    ('https-selfsigned-accepted.pcap', 'GET', some(tls(version='TLS 1.2', server_name=MP_NAME, alert=None))),

    ('https-untrusted-ca.pcap', 'summary', some(tls(established=False, alert='unknown_ca', alert_from='client', certificate__issuer=has('Some Untrusted CA')))),
    ('https-untrusted-ca.pcap', 'Server certificate file', some(tls(established=False, certificate__issuer=has('Untrusted'), certificate__self_signed=False))),
    ('https-untrusted-ca.pcap', 'GET', some(tls(established=False)), none(tls())),

    ('https-weak-cipher-rsa-kx.pcap', 'summary', some(tls(version='TLS 1.2', cipher='TLS_RSA_WITH_AES_128_CBC_SHA', cipher_code='0x002f'))),
    ('https-weak-cipher-rsa-kx.pcap', 'GET', some(tls(cipher='TLS_RSA_WITH_AES_128_CBC_SHA', ciphers_offered=has('TLS_RSA_WITH_AES_128_CBC_SHA')))),

    ('krb-rc4-only.pcap', 'summary', every(rec('kerberos', CL_KDC, exchange='as'), etypes_offered=['rc4-hmac'])),
    ('krb-rc4-only.pcap', 'kinit with RC4', as_ticket(CL_KDC, 'alice', reply_etype='rc4-hmac'), some(tgs(CL_KDC, SHARE_TICKET, reply_etype='rc4-hmac', error=None))),

    ('krb-unknown-spn.pcap', 'summary', some(unknown_service(CL_KDC, 'HTTP/nowhere.corp.example'))),
    ('krb-unknown-spn.pcap', 'kinit', as_ticket(CL_KDC, 'alice')),
    ('krb-unknown-spn.pcap', 'TGS unknown SPN', every(rec('kerberos', CL_KDC, exchange='tgs'), service='HTTP/nowhere.corp.example', error_code=7)),

    ('ldap-anonymous.pcap', 'summary', order(bind(WG_LDAP, 'anonymous'), ldap(WG_LDAP, 'search', scope='base'),
                                             rec('ldap', WG_LDAP, operation='search', scope='sub', result='operationsError'))),
    ('ldap-anonymous.pcap', 'rootDSE', some(ldap(WG_LDAP, 'search', scope='base', entries=1, filter=has('(objectclass=*)'), attributes=has('defaultNamingContext')))),
    ('ldap-anonymous.pcap', 'search without credentials',
     some(rec('ldap', WG_LDAP, operation='search', dn=has('dc=corp,dc=example'), filter='(objectClass=computer)', result='operationsError', result_code=1, entries=0))),

    ('ldap-modify-add-clear.pcap', 'summary', every(rec('ldap', SITE_LDAP, operation='bind'), mechanism='simple', dn=ADMIN_DN, protection='none'),
     some(*(ldap(SITE_LDAP, o) for o in ('add', 'modify', 'search', 'delete')), ldap(SITE_LDAP, 'search', entries=50))),
    ('ldap-modify-add-clear.pcap', 'add container', some(ldap(SITE_LDAP, 'add', dn=CONTAINER))),
    ('ldap-modify-add-clear.pcap', 'modify description', some(ldap(SITE_LDAP, 'modify', dn=CONTAINER))),
    ('ldap-modify-add-clear.pcap', 'paged search', some(ldap(SITE_LDAP, 'search', scope='sub', entries=50, filter=has('(objectclass=*)'), attributes=['cn']))),
    ('ldap-modify-add-clear.pcap', 'delete', some(ldap(SITE_LDAP, 'delete', dn=CONTAINER))),

    ('ldap-sasl-gssapi-nosec.pcap', 'summary', some(bind(SITE_LDAP, 'gssapi', protection='none'), ap(SITE_LDAP, 'ldap', 'ldap/dc01a.corp.example'))),
    ('ldap-sasl-gssapi-nosec.pcap', 'No signing', order(bind(SITE_LDAP, 'gssapi', protection='none'), ldap(SITE_LDAP, 'search', filter='(objectClass=computer)'))),
    ('ldap-sasl-gssapi-nosec.pcap', 'AS', as_ticket(SITE_KDC, 'PS1SITE$')),
    ('ldap-sasl-gssapi-nosec.pcap', 'search without sign/seal', some(ldap(SITE_LDAP, 'search', scope='sub', entries=least(1)))),

    ('ldap-simple-bind-good.pcap', 'summary', order(bind(SITE_LDAP, 'simple'), ldap(SITE_LDAP, 'search', filter='(sAMAccountName=MP01$)', attributes=['dNSHostName'], entries=1))),
    ('ldap-simple-bind-good.pcap', 'The password', some(bind(SITE_LDAP, 'simple', protection='none', starttls={None, False})), none(rec('tls'))),
    ('ldap-simple-bind-good.pcap', 'simple bind + search', some(bind(SITE_LDAP, 'simple', dn=has('cn=svc-site,')), ldap(SITE_LDAP, 'search'))),

    ('ldap-spnego-ntlm-seal.pcap', 'summary', some(ntlm(SITE_LDAP, 'ldap', 'svc-site', seal=True), bind(SITE_LDAP, 'gss-spnego', protection='seal'))),
    # What follows the bind is sealed: no search for the account can be read.
    ('ldap-spnego-ntlm-seal.pcap', 'sealed search', some(bind(SITE_LDAP, 'gss-spnego')), none(rec('ldap', SITE_LDAP, operation='search', scope='sub'))),

    ('ntlm-fallback-smb-kdc-down.pcap', 'summary', order(rec('flow', SITE_KDC, state='unanswered'), ntlm(SITE_DP, 'smb', has('svc-site')))),
    ('ntlm-fallback-smb-kdc-down.pcap', 'Requests to port 88', every(rec('flow', SITE_KDC), state='unanswered'),
     every(rec('kerberos', SITE_KDC), reply_packet=None, error=None, ticket_etype=None), some(ntlm(SITE_DP, 'smb', has('svc-site')), setup(SITE_DP, mechanism='ntlm'))),
    ('ntlm-fallback-smb-kdc-down.pcap', 'list share; KDC silent', logged_on(SITE_DP, has('svc-site'), 'SMS_PS1')),

    ('ntlm-fallback-smb.pcap', 'summary', some(unknown_service(SITE_KDC, NOSPN), ntlm(SITE_DP, 'smb', has('svc-site'), target_spn=NOSPN), share(SITE_DP, 'SMS_PS1'), rec('smb', SITE_DP, message='tree_connect', path=has('nospn.corp.example')))),
    ('ntlm-fallback-smb.pcap', 'Order: AS-REQ/AS-REP ok',
     order(rec('kerberos', SITE_KDC, exchange='as', client='svc-site', ticket_etype=AES), unknown_service(SITE_KDC, NOSPN), ntlm(SITE_DP, 'smb', has('svc-site')))),
    ('ntlm-fallback-smb.pcap', 'DNS query for nospn', order(rec('dns', to(SITE, DCA, 53), query='nospn.corp.example', qtype='A', rcode='NOERROR', answers=has(DP)), ntlm(SITE_DP, 'smb', has('svc-site')))),
    ('ntlm-fallback-smb.pcap', 'flush samba name cache', some(rec('dns', to(SITE, DCA, 53), query='nospn.corp.example'))),
    ('ntlm-fallback-smb.pcap', 'list share, Kerberos tried first', logged_on(SITE_DP, has('svc-site'), 'SMS_PS1')),

    # The summary says 503; the capture has "HTTP/1.1 500 Internal Server Error" (packet 12).
    ('proxy-connect-denied.pcap', 'summary', some(rec('http', to(CL, PROXY, 3128), method='CONNECT', status=500, server=begins('squid')))),
    ('proxy-connect-denied.pcap', 'CONNECT to unknown name', some(rec('http', to(CL, PROXY, 3128), method='CONNECT', uri='nosuch.corp.example:443', proxy=True, status=least(500))), none(rec('tls'))),

    # The 400 is encrypted; what can be seen is that a certificate was asked for and none came.
    ('proxy-ssl-bridge-no-client-cert.pcap', 'summary', some(rec('tls', to(INET, '198.51.100.1', 443), client_certificate_requested=True, client_certificate=None)),
     none(rec('flow', '198.51.100.1 > '))),
    ('proxy-ssl-bridge-no-client-cert.pcap', 'GET without client cert', some(tls(to(INET, '198.51.100.1', 443), version='TLS 1.2', server_name='ibcm.corp.example'))),

    ('smb-anonymous.pcap', 'summary', some(setup(to(WG, DP, 445), anonymous=True))),
    ('smb-anonymous.pcap', 'NTLMSSP AUTHENTICATE with empty', every(rec('ntlm', WG + ' > ' + DP), user='', variant='anonymous', nt_proof=None)),
    ('smb-anonymous.pcap', 'Samba answers SessionFlags', every(setup(WG + ' > ' + DP), anonymous=True, guest=False)),
    ('smb-anonymous.pcap', 'list shares by null session', some(share(to(WG, DP, 445), 'IPC$', share_type='pipe'), rec('dcerpc', to(WG, DP, 445), interface='srvsvc'))),

    ('smb-multiprotocol-negotiate.pcap', 'summary', some(negotiated(CL_DP, '3.1.1', dialects_offered=has('NT LM 0.12')))),
    ('smb-multiprotocol-negotiate.pcap', 'The one SMB1 frame', every(rec('smb', CL_DP, message='negotiate'), dialect='3.1.1')),
    ('smb-multiprotocol-negotiate.pcap', 'list; SMB1 negotiate upgraded', logged_on(CL_DP, 'alice', 'SMS_PS1', domain='CORP')),

    ('smb-ntlm-bad-password.pcap', 'summary', some(ntlm(SITE_DP, 'smb', 'svc-site', 'failure'))),
    ('smb-ntlm-bad-password.pcap', 'SESSION_SETUP fails', *refused(SITE_DP, 'svc-site', 'CORP')),
    ('smb-ntlm-bad-password.pcap', 'logon with wrong password', *refused(SITE_DP, 'svc-site', 'CORP')),

    # Samba 4.17 says "enabled" on the wire whatever `server signing` is: what shows is that nothing was signed.
    ('smb-signing-disabled-server.pcap', 'summary', some(ntlm(to(CL, WG, 445), 'smb', 'wguser', domain='WG01'), written(to(CL, WG, 445), 'drop', 20000, signed=False))),
    ('smb-signing-disabled-server.pcap', 'write to workgroup server', logged_on(to(CL, WG, 445), 'wguser', 'drop')),

    ('smb-signing-not-required.pcap', 'summary', some(ntlm(SITE_DP, 'smb', 'svc-site'), negotiated(SITE_DP, SMB3, signing__client='enabled', signing__server='enabled'))),
    ('smb-signing-not-required.pcap', 'WRITE requests and responses', some(written(SITE_DP, 'SMS_PS1', 20000, signed=False))),
    ('smb-signing-not-required.pcap', 'write file unsigned', logged_on(SITE_DP, 'svc-site', 'SMS_PS1', domain='CORP')),

    ('smb1-kerberos.pcap', 'summary', some(negotiated(CL_DP, NT1), ap(CL_DP, 'smb', SHARE_TICKET))),
    ('smb1-kerberos.pcap', 'Only SMB1 dialect used', every(rec('smb', CL_DP, message='negotiate'), dialect=NT1)),
    ('smb1-kerberos.pcap', 'AS', as_ticket(CL_KDC, 'alice')),
    ('smb1-kerberos.pcap', 'list over SMB1', some(setup(CL_DP, mechanism='kerberos'), share(CL_DP, 'SMS_PS1'))),

    ('tds-sspi-kerberos-login-only.pcap', 'summary', some(rec('sql', SITE_SQL, message='prelogin', encryption__result='login'))),
    ('tds-sspi-kerberos-login-only.pcap', 'SSPI Kerberos', as_ticket(SITE_KDC, 'PS1SITE$'),
     some(tgs(SITE_KDC, SQL_SPN + '1433', ticket_etype=AES), rec('tls', SITE_SQL, carrier='tds', established=True), rec('sql', SITE_SQL, message='login', result='success'))),

    ('tds-sspi-kerberos-spn-missing.pcap', 'summary', some(unknown_service(SITE_KDC, SQL_SPN + '50123')), none(rec('ntlm'))),
    ('tds-sspi-kerberos-spn-missing.pcap', 'SSPI Kerberos fails', some(rec('sql', to(SITE, SQL, 50123), message='prelogin')), none(rec('sql', message='login', result='success'))),

    ('tds-tdspool.pcap', 'summary', some(rec('sql', to(SITE, SQL, 1933), message='prelogin', encryption__server='not_supported', encryption__result='none'),
                                        rec('sql', to(SITE, SQL, 1933), message='login', auth='sql', user='pooluser', password_exposed=True))),
    ('tds-tdspool.pcap', 'SQL login at tdspool', some(rec('sql', to(SITE, SQL, 1933), message='login', result='success'))),

    ('tds-tedious-ntlm.pcap', 'summary', some(rec('sql', SITE_SQL, message='prelogin', encryption__client='on', encryption__server='on', encryption__result='full'))),
    ('tds-tedious-ntlm.pcap', 'tedious NTLM', some(rec('tls', SITE_SQL, carrier='tds', established=True, server_name='sql01.corp.example'))),

    ('tls-to-http-port.pcap', 'summary', some(rec('tls', CL_HTTP, established=False, version=None, cipher=None, certificate=None))),
    ('tls-to-http-port.pcap', 'TLS to HTTP port', some(rec('tls', CL_HTTP, established=False, server_name=MP_NAME))),

    ('untrusted-site-server-initiates.pcap', 'summary',
     some(ntlm(to(SITE, USYS, 445), 'smb', 'svc-uinst', domain='PARTNER'), rec('kerberos', to(SITE, DCB, 88), exchange='as', realm='PARTNER.EXAMPLE'))),
    ('untrusted-site-server-initiates.pcap', 'All SYNs between the two', every(rec('flow', to(SITE, USYS, 445)), opening_seen=True), none(rec('flow', USYS + ' > ' + SITE))),
    ('untrusted-site-server-initiates.pcap', 'site server pushes', logged_on(to(SITE, USYS, 445), 'svc-uinst', 'SMS_PS1', domain='PARTNER'),
     some(written(to(SITE, USYS, 445), 'SMS_PS1', 20000, signed=True))),
    ('untrusted-site-server-initiates.pcap', 'the same with Kerberos', as_ticket(to(SITE, DCB, 88), 'svc-uinst', 'PARTNER.EXAMPLE'),
     some(ap(to(SITE, USYS, 445), 'smb', 'cifs/udp01.partner.example', realm='PARTNER.EXAMPLE')), times(2, written(to(SITE, USYS, 445), 'SMS_PS1', 20000))),

    ('untrusted-smb-to-site-own-forest-account.pcap', 'summary', some(ntlm(to(USYS, SITE, 445), 'smb', 'svc-uinst', 'failure', domain='PARTNER'))),
    ('untrusted-smb-to-site-own-forest-account.pcap', 'PARTNER is not trusted', *refused(to(USYS, SITE, 445), 'svc-uinst', 'PARTNER')),
    ('untrusted-smb-to-site-own-forest-account.pcap', 'list SMS_PS1', *refused(to(USYS, SITE, 445), 'svc-uinst', 'PARTNER')),
]

# Events that their ends and protocol do not tell: (capture, first words of the action): checks.
ENDS = {
    # The name is not resolved, so there is no connection: only the queries.
    ('dns-timeout.pcap', 'HTTP fails'): [some(rec('flow', CL_DNS, protocol='dns'))],
    ('ntlm-fallback-smb.pcap', 'flush'): [],
    # The protocol is inside the pipe: the flow is SMB.
    ('client-push-like.pcap', 'srvsvc'): [some(rec('flow', to(SITE, CL, 445), protocol='smb'))],
}

# Accounts that no record can name, and the record that says what hides them.
ACCOUNTS = {
    ('smb-anonymous.pcap', 'list shares'): [some(rec('ntlm', to(WG, DP, 445), user='', variant='anonymous'))],
    ('ldap-anonymous.pcap', 'rootDSE'): [some(bind(WG_LDAP, 'anonymous', dn=None))],
    ('ldap-anonymous.pcap', 'search without'): [some(bind(WG_LDAP, 'anonymous', dn=None))],
    ('tds-tedious-ntlm.pcap', 'tedious'): [some(rec('sql', SITE_SQL, encryption__result='full')), none(rec('sql', SITE_SQL, message='login', user=has('')))],
}
