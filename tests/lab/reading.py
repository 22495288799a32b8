"""Does tshark read the same logons in a capture as rolecall does: who, how, and from where to where?

Both are asked for NTLM answers, requests for a first ticket (AS), tickets shown (AP), simple binds, logons to a database and
passwords in HTTP headers. What one of them has and the other does not is a difference.
"""
import re, subprocess

import recorder

FIELDS = ('ip.src', 'ip.dst', 'tcp.srcport', 'udp.srcport', 'tcp.dstport', 'udp.dstport', 'ntlmssp.messagetype',
          'ntlmssp.auth.username', 'kerberos.msg_type', 'kerberos.CNameString', 'ldap.authentication', 'ldap.name',
          'tds.7login.username', 'http.authbasic')
CHOSEN = 'ntlmssp.messagetype == 3 or kerberos.msg_type == 10 or kerberos.msg_type == 14 or ldap.authentication or ' \
         'tds.7login.username or http.authbasic'


def numbers(text):
    return {int(word, 0) for word in text.split('|') if word}


def names(text):
    return [word.lower() for word in text.split('|') if word]


def read_row(row):
    """[(how, who)] of one packet."""
    found, kinds = [], numbers(row['kerberos.msg_type'])
    if 3 in numbers(row['ntlmssp.messagetype']):
        users = [name for name in names(row['ntlmssp.auth.username']) if name != 'null']
        found += [('ntlm', user.split('@')[0]) for user in users] or [('ntlm', '')]
    if 10 in kinds:
        found += [('as', name) for name in names(row['kerberos.CNameString'])[:1]]
    if 14 in kinds and 12 not in kinds:
        found.append(('ap', ''))
    if 0 in numbers(row['ldap.authentication']):
        found += [('bind', name) for name in names(row['ldap.name']) or ['']]
    found += [('sql', name) for name in names(row['tds.7login.username'])]
    found += [('basic', name.split(':')[0]) for name in names(row['http.authbasic'])]
    return found


def by_tshark(path):
    """{(how, who, client, port, server)}"""
    words = [word for field in FIELDS for word in ('-e', field)]
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', CHOSEN, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=|',
                           '-E', 'separator=/t', *words], capture_output=True, text=True)
    found = set()
    for line in done.stdout.splitlines():
        row = dict(zip(FIELDS, line.split('\t') + [''] * len(FIELDS)))
        port = (row['tcp.srcport'] or row['udp.srcport']).split('|')[0]
        for how, who in read_row(row):
            found.add((how, who, row['ip.src'].split('|')[0], int(port), row['ip.dst'].split('|')[0]))
    return found


def read_record(record):
    """(how, who), or None."""
    kind, user = record['type'], (record.get('user') or '').lower().split('@')[0]
    if kind == 'ntlm' and record.get('authenticate_packet'):
        return 'ntlm', user
    if kind == 'kerberos' and record.get('exchange') == 'as' and record.get('client'):
        return 'as', re.split(r'[/@]', record['client'].lower())[0]
    if kind == 'kerberos' and record.get('exchange') == 'ap':
        return 'ap', ''
    if kind == 'ldap' and record.get('operation') == 'bind' and record.get('mechanism') in ('simple', 'anonymous', 'unauthenticated'):
        return 'bind', (record.get('dn') or '').lower()
    if kind == 'sql' and record.get('message') == 'login' and record.get('auth') == 'sql':
        return 'sql', user
    if kind == 'http' and record.get('auth') == 'basic':
        return 'basic', user
    return None


def by_rolecall(records):
    found = set()
    for flow in records.every():
        for record in records.of.get(flow['flow'], []):
            logon = read_record(record)
            if logon:
                found.add((*logon, flow['client']['ip'], flow['client'].get('port', 0), flow['server']['ip']))
    return found


def compare(path, records):
    """(logons that both read, what differs)."""
    mine, theirs = by_rolecall(records), by_tshark(path)
    differ = ['only %s reads %s of "%s", %s:%d to %s' % (reader, *one)
              for reader, more in (('rolecall', mine - theirs), ('tshark', theirs - mine)) for one in sorted(more)]
    return len(mine & theirs), differ
