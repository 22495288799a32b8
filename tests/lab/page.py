"""pcaps/README.md, written from the scenarios, their commands and their findings; built.md says what is built, not recorded."""
import os, subprocess

import network, scenarios

SHOWN = ('samba', 'smbclient', 'apache2', 'haproxy', 'nginx-light', 'gnutls-bin', 'openssl', 'curl', 'krb5-user', 'ldap-utils',
         'freetds-bin', 'python3-tds', 'python3-winrm', 'dnsmasq-base', 'udhcpc', 'python3-impacket', 'tcpdump', 'tshark')

HEAD = '''# Captures made by this project

Real traffic of real servers and clients, recorded by `tests/lab/lab` in network namespaces, and captures that are built
message by message. This page is written by the same program (`tests/lab/lab readme`). A recorded capture has a scenario
in `tests/lab/scenarios/`; `tests/lab/lab record smb/r060-smb1` makes it anew. `tests/lab/lab rebuild`, or
`ninja -C build rebuild-captures`, makes every capture of this folder anew: all recorded ones, the day, and those that are
built, which come out the same to the octet (the test `built-captures` compares them). Large ones are compressed (`.zst`).
Beside each capture lie

- `CASE.findings`: what an audit must find, one line each: `CODE client-ip server-ip:port packet[,packet...]`. The packets
  are those that decide it, numbered as `frame.number` of Wireshark; they are looked up by a display filter, never written
  by hand. Nothing else may be found. Empty: nothing is wrong.
- `CASE.verdicts`, where it is there: verdicts that must be among the audit's others.
- `CASE.commands`: every command that was run while recording, and on which host; what words like `get` and `ticket` in
  them stand for is in `tests/lab/commands.sh`.

The policy is `CASE.yaml`, else the folder's `policy.yaml`, else `policy.yaml`; they name `corp-root.pem`, the laboratory's
authority, which no machine should trust: everybody can derive its key. Passwords and keys in these files are throw-aways.

Hosts: %s.

What is simulated: web servers are Apache with a script behind them (`role.py`: management point, distribution point,
update services, fallback status point), the database's side of TDS is `tds_server.py`, the question of network boot on
port 4011 is `boot_request.py`'s, and smbclient plays the service that answers a forced call (`r044-relay`); clients and drivers, Kerberos,
NTLM, LDAP, SMB, TLS are real on both sides. Samba plays Windows. Messages of Configuration Manager clients are made by
`ccm_message.py`, with key and signatures of random octets. In `links/` links and mirror ports are bad on purpose (`wire.py`).

## The day

`lab/day-breaches.pcap.zst` and its twin `lab/day-clean.pcap.zst` (policy `lab/policy.yaml`): two sites, two forests that
do not trust each other, a perimeter and the Internet. Each is one recording of some minutes; what happened in it was
planned over a working day (`tests/lab/day.yaml`), and the recorder has moved each planned step to its time of day. Nothing but
time stamps is changed, and within a step not even their distances; times inside of messages (Kerberos, TLS) remain those of
the recording. What is true of it: %s.

## Built captures

%s
## Recorded captures

Recorded with Debian 12 packages: %s.

| file | what it is | what is true of it | what was done |
|---|---|---|---|
'''


def versions():
    done = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${Version}, ', *SHOWN], capture_output=True, text=True)
    return done.stdout.rstrip(', ')


def truth(base):
    with open(base + '.findings') as f:
        rows = [line.split() for line in f if line.strip()]
    return '<br>'.join('breaks **%s** in packet %s (%s to %s)' % (code, packets.replace(',', ', '), client, server)
                       for code, client, server, packets in rows) or 'breaks no rule'


def commands(base):
    with open(base + '.commands') as f:
        lines = [line.rstrip('\n').replace('|', '\\|').partition(': ') for line in f]
    return '<br>'.join('%s: `%s`' % (host, command) for host, _, command in lines)


def write():
    with open(os.path.join(network.HERE, 'built.md')) as f:
        built = f.read()
    hosts = ', '.join('%s %s' % (network.fqdn(host), network.address(host)) for host in network.HOSTS)
    out = [HEAD % (hosts, truth(os.path.join(scenarios.PCAPS, 'lab', 'day-breaches')), built, versions())]
    for name, one in scenarios.load().items():
        base = os.path.join(scenarios.PCAPS, name)
        for end in ('.pcap', '.pcap.zst'):
            if os.path.exists(base + end):
                out.append('| %s%s | %s | %s | %s |\n' % (name, end, one.what.strip(), truth(base), commands(base)))
    with open(os.path.join(scenarios.PCAPS, 'README.md'), 'w') as f:
        f.write(''.join(out))
