"""large_policy.py - the benchmark's policy, grown to a large hierarchy.

What policy.yaml declares stays as it is, so an audit of the same capture must find the same; added are sites, hosts with
the roles such sites have, and client networks, none of which is in the capture: they only make every table larger.
"""

HOSTS = 5000
NETWORKS = 200
PRIMARIES = 25
# What the hosts of a site are, in turn: mostly distribution points, as in the field.
ROLES = ['management-point', 'software-update-point', 'state-migration-point', 'fallback-status-point',
         'reporting-point'] + ['distribution-point'] * 11


def sites():
    lines = ['  CAS: {type: central-administration}\n']
    for i in range(PRIMARIES):
        lines.append('  Q%02d: {type: primary, parent: CAS, client-communication: https-or-http}\n' % i)
    for i in range(PRIMARIES, 8 * PRIMARIES):
        lines.append('  %03d: {type: secondary, parent: Q%02d}\n' % (i, i % PRIMARIES))
    return lines


def host(number, name, site, roles):
    addresses = '10.%d.%d.%d, "fd00:5::%x"' % (200 + number // 60000, number // 250 % 240, number % 250 + 1, number + 1)
    return '  %s.corp.example: {addresses: [%s], aliases: [%s-a.corp.example], forest: corp, site: "%s", roles: [%s]}\n' % (
        name, addresses, name, site, roles)


def hosts(count):
    lines = [host(0, 'cascm', 'CAS', 'site-server, site-database, sms-provider')]
    for i in range(8 * PRIMARIES):
        primary = i < PRIMARIES
        site = 'Q%02d' % i if primary else '%03d' % i
        lines.append(host(i + 1, 'scm%03d' % i, site, 'site-server, sms-provider' if primary else 'site-server, site-database'))
        if primary:
            lines.append(host(i + 1000, 'sdb%03d' % i, site, 'site-database'))
    for i in range(count - len(lines)):
        site = i % (8 * PRIMARIES)
        name = 'Q%02d' % site if site < PRIMARIES else '%03d' % site
        # Secondary sites hold management, distribution and update points alone.
        role = ROLES[i // (8 * PRIMARIES) % len(ROLES)]
        if site >= PRIMARIES and role not in ('management-point', 'software-update-point'):
            role = 'distribution-point'
        lines.append(host(2000 + i, 'sys%05d' % i, name, role))
    return lines


def networks(count):
    return ['  office%03d: {networks: [10.%d.%d.0/20, "fd00:9:%x::/48"], forest: corp}\n'
            % (i, 100 + i // 16, i % 16 * 16, i) for i in range(count)]


def grow(text):
    """policy.yaml's text with HOSTS hosts and NETWORKS client networks in all."""
    out = []
    section = None
    parts = {'sites:': sites, 'clients:': lambda: networks(NETWORKS - 1), 'hosts:': lambda: hosts(HOSTS - 20)}
    for line in text.splitlines(keepends=True):
        if line.strip() and not line[0].isspace() and not line.startswith('#') and section:
            out += parts.pop(section)()
            section = None
        out.append(line)
        if line.strip() in parts:
            section = line.strip()
    if section or parts:
        raise ValueError('policy.yaml lacks a section that is followed by another')
    return ''.join(out)
