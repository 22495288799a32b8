"""more_claims.py - claims about the fields of records.md that agree.py does not ask for, where the truth has them.

Same form as agree.py's: field -> set of (ends, value). What the truth has no word for (LDAP filters, scopes and
attributes, NT proofs, names of interfaces, SSRP) is not here; the laboratory's statements and the unit tests ask for it.
"""
import collections, ipaddress, json, os, re

TLS_VERSIONS = {'0x0300': 'SSL 3.0', '0x0301': 'TLS 1.0', '0x0302': 'TLS 1.1', '0x0303': 'TLS 1.2', '0x0304': 'TLS 1.3'}
SMB2_DIALECTS = {'0x0202': '2.0.2', '0x0210': '2.1', '0x0300': '3.0', '0x0302': '3.0.2', '0x0311': '3.1.1'}
SMB_CIPHERS = {'0x0001': 'AES-128-CCM', '0x0002': 'AES-128-GCM', '0x0003': 'AES-256-CCM', '0x0004': 'AES-256-GCM'}
SMB_SIGNING = {'0x0000': 'HMAC-SHA256', '0x0001': 'AES-CMAC', '0x0002': 'AES-GMAC'}
SHARES = {'0x01': 'disk', '0x02': 'pipe', '0x03': 'print'}
CURVES = {256: 'P-256', 384: 'P-384', 521: 'P-521'}
KEYS = {'rsaEncryption': 'rsa %d', 'id-ecPublicKey': 'ec P-%d', 'dsaEncryption': 'dsa %d', 'rsassaPss': 'rsa-pss %d'}
USAGES = {'TLS Web Server Authentication': 'serverAuth', 'TLS Web Client Authentication': 'clientAuth', 'Code Signing': 'codeSigning',
          'E-mail Protection': 'emailProtection', 'Time Stamping': 'timeStamping', 'OCSP Signing': 'OCSPSigning',
          'Any Extended Key Usage': 'anyExtendedKeyUsage', 'Microsoft Server Gated Crypto': 'msSGC', 'Netscape Server Gated Crypto': 'nsSGC',
          'IPSec End System': 'ipsecEndSystem', 'IPSec Tunnel': 'ipsecTunnel', 'IPSec User': 'ipsecUser', 'Microsoft Smartcard Login': 'msSmartcardLogin'}
# RFC 4120 7.5.2, RFC 6113, [MS-KILE] 2.2.10
PADATA = {1: 'PA-TGS-REQ', 2: 'PA-ENC-TIMESTAMP', 3: 'PA-PW-SALT', 11: 'PA-ETYPE-INFO', 14: 'PA-PK-AS-REQ-OLD', 15: 'PA-PK-AS-REP-OLD',
          16: 'PA-PK-AS-REQ', 17: 'PA-PK-AS-REP', 19: 'PA-ETYPE-INFO2', 128: 'PA-PAC-REQUEST', 129: 'PA-FOR-USER', 130: 'PA-FOR-X509-USER',
          132: 'PA-AS-CHECKSUM', 133: 'PA-FX-COOKIE', 136: 'PA-FX-FAST', 138: 'PA-ENCRYPTED-CHALLENGE', 149: 'PA-REQ-ENC-PA-REP',
          150: 'PA-AS-FRESHNESS', 161: 'KERB-KEY-LIST-REQ', 165: 'PA-SUPPORTED-ENCTYPES', 167: 'PA-PAC-OPTIONS'}
# RFC 4511 4.2-4.12: the requests, by the number of their tag.
LDAP_REQUESTS = {'0': 'bind', '3': 'search', '6': 'modify', '8': 'add', '10': 'delete', '12': 'modifydn', '14': 'compare', '23': 'extended'}
LDAP_ENTRY, STARTTLS = '4', '1.3.6.1.4.1.1466.20037'
# [MS-RPCE] 2.2.1.1.7 and 2.2.1.1.8
RPC_AUTH = {'9': 'spnego', '10': 'ntlm', '16': 'kerberos', '68': 'netlogon'}
RPC_LEVEL = {'2': 'connect', '3': 'call', '4': 'packet', '5': 'integrity', '6': 'privacy'}
TLS_DRAFT, CLIENT_HELLO = '0x7f', '1'
NTLM_SIGN, NTLM_SEAL = 0x10, 0x20
SMB_GUEST, SMB_ENCRYPT = 1, 4
# truth.py cuts its texts; the most that both sides can be asked for.
AGENT_MOST, SERVER_MOST = 160, 120
# Fields of which the truth lists a part only (of HTTP, the replies' and one of several in a packet): more of ours is no fault.
PARTIAL = {'http.content_type', 'http.server', 'http.version', 'http.user_agent'}
# Asked only where there is a flow at all.
COUNTED = ('flow.first_packet', 'flow.last_packet', 'flow.packets', 'flow.bytes', 'flow.state', 'flow.tunnel')
NTLM_PACKETS = ('negotiate_packet', 'challenge_packet', 'authenticate_packet')


def many(v):
    return [] if v is None else v if isinstance(v, list) else [v]


def suites(tree):
    """Names of cipher suites by code, from the table of the tree, whose source is IANA's."""
    with open(os.path.join(tree, 'dissect', 'tls_suites.def'), encoding='utf8') as f:
        return {'0x%s%s' % (a, b): name for a, b, name in re.findall(r'SUITE\(0x(..), 0x(..), "([^"]*)"\)', f.read())}


def address(text):
    return str(ipaddress.ip_address(text.split('%')[0]))


# ---- the truth ----

def certificate_claims(say, certificate):
    for name in ('subject', 'issuer', 'serial'):
        say(name, certificate.get(name))
    for name in ('not_before', 'not_after'):
        say(name, certificate[name].replace(' ', 'T') if name in certificate else None)
    say('signature', certificate.get('sigalg'))
    if certificate.get('keyalg') in KEYS and certificate.get('keybits'):
        say('key', KEYS[certificate['keyalg']] % certificate['keybits'])
    if 'san' in certificate:
        say('san', tuple(sorted(n.strip().replace('IP Address:', 'ip:').lower() for n in certificate['san'].split(', '))))
    if 'eku' in certificate:
        say('eku', tuple(sorted(USAGES.get(u, u) for u in certificate['eku'].split(', '))))
    if 'subject' in certificate and not certificate.get('self_issued'):    # one that is may still be signed by another key
        say('self_signed', False)


def highest(versions):
    """The name of the highest version offered; a draft of TLS 1.3 (0x7f..) is TLS 1.3."""
    known = ['0x0304' if v.startswith(TLS_DRAFT) else v for v in versions if v in TLS_VERSIONS or v.startswith(TLS_DRAFT)]
    return TLS_VERSIONS[max(known)] if known else None


def tls_truth(say, t, names):
    hellos = t.get('handshake_types', {}).get('c2s', []).count(CLIENT_HELLO)
    alone = hellos == sum(e.get('hs') == 'ClientHello' for e in t.get('events', []))   # else lists of several are one
    for e in t.get('events', []):
        if e.get('hs') == 'ClientHello':
            say('tls.version_offered', highest(e.get('supported_versions') or [e.get('version', '')]))
            say('tls.ciphers_offered', tuple(names.get(c, c) for c in e['ciphers']) if 'ciphers' in e and alone else None)
            say('tls.alpn_offered', tuple(e['alpn']) if e.get('alpn') else None)
        if e.get('hs') == 'ServerHello':
            say('tls.alpn', e['alpn'][0] if e.get('alpn') else None)
            say('tls.session_resumed', True if 'psk_selected' in e else None)
        for code in e.get('alert', []):
            say('tls.alert_code', int(code) if code != '0' else None)
    if not t.get('negotiated', '').startswith(TLS_DRAFT):    # whose session id is echoed for old middle boxes
        say('tls.session_resumed', t.get('resumed_session_id') or None)
    for field, certificates in (('certificate', t.get('server_certs')), ('client_certificate', t.get('client_certs'))):
        for c in (certificates or [])[:1]:
            if 'error' not in c:
                certificate_claims(lambda name, value: say('tls.%s.%s' % (field, name), value), c)


def http_truth(say, h):
    for e in h.get('events', []):
        single = not isinstance(e.get('method'), list) and not isinstance(e.get('status'), list)
        if 'method' in e and single:
            say('http.version', e.get('version'))
            say('http.user_agent', e.get('ua'))
        elif 'status' in e and single:
            say('http.server', e.get('server'))
            say('http.content_type', e.get('ctype'))


def smb_truth(say, s):
    for d in s.get('smb1_dialects_offered', []) + [SMB2_DIALECTS.get(d, d) for d in s.get('smb2_dialects_offered', [])]:
        say('smb.dialects_offered', d)
    say('smb.cipher', SMB_CIPHERS.get(s.get('cipher_selected')))
    say('smb.signing.algorithm', SMB_SIGNING.get(s.get('signing_alg_selected')))
    say('smb.netname', s.get('netname'))
    for e in s.get('events', []):
        if e['op'] == 'session setup response':
            say('smb.session', e.get('sesid') if e.get('sesid', '').strip('0x') else None)
            if 'session_flags' in e and e.get('status') == '0x00000000':
                flags = int(e['session_flags'], 0)
                say('smb.guest', bool(flags & SMB_GUEST))
                say('smb.encrypted', bool(flags & SMB_ENCRYPT))
        if e['op'] == 'tree connect response':
            say('smb.tree_status', e.get('status'))
            say('smb.share_type', SHARES.get(e.get('share_type')))


def ntlm_truth(say, events):
    for e in events:
        if e.get('of_several_in_frame'):
            continue
        say('ntlm.' + NTLM_PACKETS[e['type'] - 1], e['frame'])
        if e['type'] == 2:
            say('ntlm.server_domain', e.get('nb_domain'))
        if e['type'] == 3:
            flags = int(e.get('flags') or '0', 0)
            say('ntlm.sign', bool(flags & NTLM_SIGN) if flags else None)
            say('ntlm.seal', bool(flags & NTLM_SEAL) if flags else None)
            if e.get('kind') == 'NTLMv2':
                say('ntlm.mic', e.get('mic'))
                say('ntlm.channel_binding', bool(e.get('channel_bindings', '').strip('0:')))


def kerberos_truth(say, events):
    for e in events:
        if e.get('nested'):
            continue
        exchange = e['msg'][:-4].lower()
        if e['msg'] in ('AS-REQ', 'TGS-REQ'):
            say('kerberos.request_packet', (exchange, e['frame']))
            say('kerberos.preauth', (exchange, tuple(PADATA.get(n, str(n)) for n in e['padata'])) if 'padata' in e else None)
        elif e['msg'] in ('AS-REP', 'TGS-REP'):
            say('kerberos.reply_packet', e['frame'])
            say('kerberos.reply_etype', (exchange, e['enc_etype'][0]) if e.get('enc_etype') else None)
        elif e['msg'] == 'KRB-ERROR' and e['carrier'] in ('tcp', 'udp'):
            say('kerberos.reply_packet', e['frame'])
        elif e['msg'] == 'AP-REQ':
            say('kerberos.packet', e['frame'])
            say('kerberos.authenticator_etype', e['authenticator_etype'][0] if e.get('authenticator_etype') else None)


def ldap_truth(say, l, cldap):
    """How many of each; of datagrams only which, because the reference counts copies of them."""
    counts = collections.Counter(dict(l.get('ops', {})))
    for e in cldap.get('events', []):
        counts.update(n for n in many(e.get('ops')) if n in LDAP_REQUESTS and not counts[n])
    for number, name in LDAP_REQUESTS.items():
        say('ldap.operation', (name, counts[number]) if counts[number] else None)
    say('ldap.entries', counts[LDAP_ENTRY] or None)
    for e in l.get('events', []):
        if e['op'] == 'bindRequest' and 'pdus' not in e:
            say('ldap.request_packet', e['frame'])
        if e['op'] == 'extendedRequest' and e.get('oid') == STARTTLS:
            say('ldap.starttls', True)


def tds_version(number):
    """[MS-TDS] 2.2.6.5: major, minor, build."""
    return '%d.%d.%d' % (number >> 24, number >> 16 & 255, number & 0xffff)


def sql_truth(say, q):
    for e in q.get('events', []):
        if e['op'] == 'prelogin':
            side = 'client' if e['dir'] == 'c2s' else 'server'
            say('sql.%s_version' % side, tds_version(int(e['version'], 0)) if 'version' in e else None)
            if side == 'client':
                say('sql.instance', e.get('instance'))
        elif e['op'] == 'login7':
            say('sql.auth', 'windows' if e.get('sspi') else 'sql')
        elif e['op'] == 'error':
            for number in e.get('number', []):
                say('sql.error', int(number, 0))


def names_truth(say, facts):
    for kind in ('dns', 'llmnr', 'mdns'):
        for e in facts.get(kind, {}).get('events', []):
            if e.get('resp'):
                for name in ('a', 'aaaa'):
                    for a in e.get(name, []):
                        say(kind + '.answers', address(a))
                if kind == 'llmnr' and e.get('rcode') is not None:
                    say('llmnr.rcode_code', int(e['rcode']))
    for e in facts.get('nbns', {}).get('events', []):
        if e.get('resp'):
            for a in e.get('addr', []):
                say('nbns.answers', address(a))


def dcerpc_truth(say, d):
    for number in d.get('auth_types', []):
        say('dcerpc.auth', RPC_AUTH.get(number))
    for number in d.get('auth_levels', []):
        say('dcerpc.level', RPC_LEVEL.get(number))


def state_of(d):
    """What both sides' packets tell beyond doubt; an answer without its question tells nothing."""
    asked, answered = d['pkts']
    if d['l4'] == 'udp':
        return None if not asked else 'answered' if answered else 'unanswered'
    t = d.get('tcp') or {}
    if not t.get('syn') or t.get('synack') or sum(d['payload']):
        return None
    return 'refused' if t.get('rst') and answered else None if answered else 'unanswered'


def flow_truth(totals, streams, fragments):
    """Per ends, because the reference and rolecall cut flows differently. It counts the last fragment's octets only."""
    by_ends = collections.defaultdict(list)
    for ends, d in streams:
        by_ends[ends].append(d)
    for ends, group in by_ends.items():
        say = lambda field, value: totals[field].add((ends, value)) if value is not None else None
        say('flow.first_packet', min(d['first_frame'] for d in group))
        say('flow.last_packet', max(d['last_frame'] for d in group))
        say('flow.packets', sum(sum(d['pkts']) for d in group))
        say('flow.bytes', sum(sum(d['bytes']) for d in group) if not fragments else None)
        say('flow.seen', True)
        if len(group) == 1:
            say('flow.state', state_of(group[0]))
            for number in group[0].get('vlan', []):
                say('flow.tunnel', 'vlan:%d' % number if number else None)    # 0: a priority, no VLAN (IEEE 802.1Q 9.6)


def truth_claims(agree, path, names):
    out, streams, fragments = collections.defaultdict(set), [], False
    with open(path, encoding='utf8') as f:
        for line in f:
            d = json.loads(line)
            fragments = fragments or bool(d.get('fragment_frames'))
            if d['rec'] != 'stream' or d.get('tunnel_outer'):
                continue
            try:
                ends = agree.ends_of(d['l4'], d['client'], d['server'])
            except ValueError:
                continue
            streams.append((ends, d))
            say = lambda field, value: out[field].add((ends, value)) if value is not None else None
            facts = d.get('facts', {})
            if d['l4'] == 'tcp':
                tls_truth(say, facts.get('tls', {}), names)
            http_truth(say, facts.get('http', {}))
            smb_truth(say, facts.get('smb', {}))
            ntlm_truth(say, facts.get('ntlmssp', {}).get('events', []))
            kerberos_truth(say, facts.get('kerberos', {}).get('events', []))
            ldap_truth(say, facts.get('ldap', {}), facts.get('cldap', {}))
            sql_truth(say, facts.get('tds', {}))
            names_truth(say, facts)
            dcerpc_truth(say, facts.get('dcerpc', {}))
    flow_truth(out, streams, fragments)
    return out


# ---- ours ----

def tls_ours(say, d):
    for name in ('version_offered', 'alpn', 'alert_code'):
        say('tls.' + name, d.get(name))
    for name in ('ciphers_offered', 'alpn_offered'):
        say('tls.' + name, tuple(d[name]) if name in d else None)
    say('tls.session_resumed', d.get('session_resumed') or None)
    for field in ('certificate', 'client_certificate'):
        c = d.get(field, {})
        for name in ('subject', 'issuer', 'serial', 'not_before', 'not_after', 'key', 'signature', 'self_signed'):
            say('tls.%s.%s' % (field, name), c.get(name))
        for name in ('san', 'eku'):
            fold = str.lower if name == 'san' else str
            say('tls.%s.%s' % (field, name), tuple(sorted(map(fold, c[name]))) if name in c else None)


def http_ours(say, d):
    if 'request_packet' in d:
        say('http.version', d.get('version'))
        say('http.user_agent', d['user_agent'][:AGENT_MOST] if 'user_agent' in d else None)
    if 'response_packet' in d:
        say('http.server', d['server'][:SERVER_MOST] if 'server' in d else None)
        say('http.content_type', d.get('content_type'))


def smb_ours(say, d):
    if d['message'] == 'negotiate':
        for name in d.get('dialects_offered', []):
            say('smb.dialects_offered', name)
        say('smb.cipher', d.get('cipher'))
        say('smb.netname', d.get('netname'))
        say('smb.signing.algorithm', d.get('signing', {}).get('algorithm'))
    elif d['message'] == 'session_setup':
        say('smb.session', d.get('session'))
        if d.get('status') == 'STATUS_SUCCESS':
            say('smb.guest', d.get('guest'))
            say('smb.encrypted', d.get('encrypted'))
    elif d['message'] == 'tree_connect':
        say('smb.tree_status', d.get('status_code'))
        say('smb.share_type', d.get('share_type'))


def ntlm_ours(say, d):
    for name in NTLM_PACKETS + ('server_domain',):
        say('ntlm.' + name, d.get(name))
    if 'authenticate_packet' in d:
        for name in ('sign', 'seal'):
            say('ntlm.' + name, d.get(name))
        if d.get('variant') == 'v2':
            say('ntlm.mic', d.get('mic'))
            say('ntlm.channel_binding', d.get('channel_binding'))


def kerberos_ours(etypes):
    def ours(say, d):
        exchange = d['exchange']
        if exchange == 'ap':
            say('kerberos.packet', d.get('packet'))
            say('kerberos.authenticator_etype', etypes.get(d.get('authenticator_etype'), d.get('authenticator_etype')))
            return
        if 'request_packet' in d:
            say('kerberos.request_packet', (exchange, d['request_packet']))
            say('kerberos.preauth', (exchange, tuple(d['preauth'])) if 'preauth' in d else None)
        say('kerberos.reply_packet', d.get('reply_packet'))
        if 'reply_etype' in d:
            say('kerberos.reply_etype', (exchange, etypes.get(d['reply_etype'], d['reply_etype'])))
    return ours


def ldap_ours(say, d):
    if d['operation'] == 'bind':
        say('ldap.request_packet', d.get('request_packet'))
    say('ldap.starttls', d.get('starttls') or None)


def sql_ours(say, d):
    for name in ('client_version', 'server_version', 'instance', 'auth', 'error'):
        say('sql.' + name, d.get(name))


def names_ours(say, d):
    kind = d.get('kind', 'dns')
    for answer in d.get('answers', []) + d.get('addresses', []):
        try:
            say(kind + '.answers', address(answer.split()[-1]))
        except (ValueError, IndexError):
            pass
    if kind == 'llmnr' and d.get('rcode') != 'timeout':
        say('llmnr.rcode_code', d.get('rcode_code'))


def dcerpc_ours(say, d):
    for name in ('auth', 'level'):
        say('dcerpc.' + name, d.get(name) if d.get(name) != 'none' else None)


def sums(records, ends_of_flow):
    """Per ends: how many of each LDAP operation, and the entries they gave."""
    operations, entries = collections.Counter(), collections.Counter()
    for d in records:
        ends = ends_of_flow.get(d['flow'])
        if d['type'] == 'ldap' and d.get('operation') in LDAP_REQUESTS.values() and 'request_packet' in d and (ends[0] == 'tcp' or not operations[ends, d['operation']]):
            operations[ends, d['operation']] += 1
        if d['type'] == 'ldap' and ends[0] == 'tcp':
            entries[ends] += d.get('entries', 0)
    yield from (('ldap.operation', ends, (name, n)) for (ends, name), n in operations.items())
    yield from (('ldap.entries', ends, n) for ends, n in entries.items() if n)


def flow_ours(totals, flows):
    by_ends = collections.defaultdict(list)
    for ends, d in flows:
        by_ends[ends].append(d)
    for ends, group in by_ends.items():
        say = lambda field, value: totals[field].add((ends, value)) if value is not None else None
        say('flow.first_packet', min(d['first_packet'] for d in group))
        say('flow.last_packet', max(d['last_packet'] for d in group))
        say('flow.seen', True)
        for name in ('packets', 'bytes'):
            say('flow.' + name, sum(d[name]['client'] + d[name]['server'] for d in group))
        for d in group:
            say('flow.state', d.get('state'))
            for t in d.get('tunnel', []):
                say('flow.tunnel', t if t.startswith('vlan:') else None)


def our_claims(agree, lines):
    out, records, flows, ends_of_flow = collections.defaultdict(set), [], [], {}
    for line in lines:
        d = json.loads(line)
        if d['type'] != 'flow':
            records.append(d)
        elif d['transport'] in ('tcp', 'udp'):
            ends = agree.ends_of(d['transport'], *((d[side]['ip'], d[side]['port']) for side in ('client', 'server')))
            ends_of_flow[d['flow']] = ends
            flows.append((ends, d))
    etypes = {name: number for number, name in agree.ETYPE.items()}
    readers = {'tls': tls_ours, 'http': http_ours, 'smb': smb_ours, 'ntlm': ntlm_ours, 'kerberos': kerberos_ours(etypes),
               'ldap': ldap_ours, 'sql': sql_ours, 'dns': names_ours, 'dcerpc': dcerpc_ours}
    records = [d for d in records if d.get('flow') in ends_of_flow]
    for d in records:
        ends = ends_of_flow[d['flow']]
        say = lambda field, value: out[field].add((ends, value)) if value is not None else None
        if d['type'] in readers:
            readers[d['type']](say, d)
    for field, ends, value in sums(records, ends_of_flow):
        out[field].add((ends, value))
    flow_ours(out, flows)
    return out


def settle(truth, ours):
    """Takes out what cannot be compared: counts of flows that are not there, and what one side lists in part only."""
    seen = {ends for ends, _ in ours.get('flow.seen', ())}
    for field in COUNTED:
        truth[field] = {claim for claim in truth.get(field, ()) if claim[0] in seen}
    for field in PARTIAL:
        ours[field] = ours.get(field, set()) & truth.get(field, set())
