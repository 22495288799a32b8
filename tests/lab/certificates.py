"""Certificates, made by GnuTLS's certtool.

The root's key is derived from a fixed seed, so that the root certificate is the same in every run and captures recorded
on different days share one corp-root.pem. It is a throw-away: anybody can derive that key. All other keys are fresh.
"""
import os, subprocess, time

import network

ROOT_SEED = '726f6c6563616c6c2d6c61622d7468726f77617761792d726f6f742d'
DAY = 86400
SERVERS = ('dc01', 'pdc01', 'cm01', 'mp01', 'mp02', 'dp01', 'dp02', 'sup01', 'sql01', 'fsp01', 'usys01', 'pm01', 'proxy01', 'cmg01')
CLIENTS = ('cl01', 'cl02', 'cl03', 'dp01', 'dp02', 'pm01', 'ni01', 'proxy01')


def path(name):
    return network.folder('pki', name)


def certtool(*words):
    subprocess.run(['certtool', *words], stdin=subprocess.DEVNULL, capture_output=True, check=True)


def moment(seconds):
    return time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(seconds))


def template(name, *lines):
    with open(path(name + '.tmpl'), 'w') as f:
        f.write('\n'.join(lines) + '\n')
    return path(name + '.tmpl')


def names(*hosts):
    return tuple('dns_name = "%s"' % host for host in hosts)


def leaf(name, subject, lines, bits=2048, digest='SHA256', begin=-1, end=364, issuer='issuing'):
    """Key and certificate, and the chain for servers that send it; times in days from now."""
    now = time.time()
    lines = ('cn = "%s"' % subject, 'signing_key', 'encryption_key', *lines,
             'activation_date = "%s"' % moment(now + begin * DAY), 'expiration_date = "%s"' % moment(now + end * DAY))
    certtool('--generate-privkey', '--key-type=rsa', '--bits', str(bits), '--outfile', path(name + '.key'))
    words = ['--template', template(name, *lines), '--load-privkey', path(name + '.key'), '--hash', digest]
    if issuer is None:
        certtool('--generate-self-signed', *words, '--outfile', path(name + '.pem'))
        return
    certtool('--generate-certificate', *words, '--load-ca-certificate', path(issuer + '.pem'), '--load-ca-privkey',
             path(issuer + '.key'), '--outfile', path(name + '.crt'))
    with open(path(name + '.pem'), 'w') as out:
        for part in (name + '.crt', issuer + '.pem'):
            with open(path(part)) as f:
                out.write(f.read())


def make_root():
    certtool('--generate-privkey', '--key-type=rsa', '--bits', '2048', '--provable', '--seed=' + ROOT_SEED, '--outfile',
             path('root.key'))
    certtool('--generate-self-signed', '--load-privkey', path('root.key'), '--hash', 'SHA256', '--outfile', path('root.pem'),
             '--template', template('root', 'cn = "rolecall lab root"', 'organization = "Corp Example"', 'serial = 1', 'ca',
                                    'cert_signing_key', 'crl_signing_key', 'path_len = 1',
                                    'activation_date = "2020-01-01 00:00:00 UTC"',
                                    'expiration_date = "2049-12-31 00:00:00 UTC"'))
    now = time.time()
    certtool('--generate-privkey', '--key-type=rsa', '--bits', '2048', '--outfile', path('issuing.key'))
    certtool('--generate-certificate', '--load-privkey', path('issuing.key'), '--load-ca-certificate', path('root.pem'),
             '--load-ca-privkey', path('root.key'), '--hash', 'SHA256', '--outfile', path('issuing.pem'), '--template',
             template('issuing', 'cn = "rolecall lab issuing"', 'organization = "Corp Example"', 'ca', 'cert_signing_key',
                      'crl_signing_key', 'path_len = 0', 'activation_date = "%s"' % moment(now - DAY),
                      'expiration_date = "%s"' % moment(now + 1500 * DAY)))


def make():
    os.makedirs(network.folder('pki'), exist_ok=True)
    make_root()
    for host in SERVERS:
        leaf(host, network.fqdn(host), names(network.fqdn(host)) + ('tls_www_server',))
    for host in CLIENTS:
        leaf(host + '-client', network.fqdn(host), names(network.fqdn(host)) + ('tls_www_client',))
    # The outer side of a proxy that ends TLS.
    leaf('published', 'mp01.corp.example', names('mp01.corp.example') + ('tls_www_server',))
    # Each of these is mp01's certificate with one thing wrong.
    mine, server = names('mp01.corp.example'), ('tls_www_server',)
    leaf('expired', 'mp01.corp.example', mine + server, begin=-800, end=-400)
    leaf('mp02-expired', 'mp02.corp.example', names('mp02.corp.example') + server, begin=-800, end=-400)
    leaf('mismatch', 'mp99.corp.example', names('mp99.corp.example') + server)
    leaf('short', 'mp01.corp.example', mine + server, bits=1024)
    leaf('sha1', 'mp01.corp.example', mine + server, digest='SHA1')
    leaf('noeku', 'mp01.corp.example', mine + ('tls_www_client',))
    leaf('selfsigned', 'mp01.corp.example', mine + server, issuer=None)
    leaf('site-issued', 'SMS Role SSL Certificate', mine + server, issuer=make_site_authority())
    for name in os.listdir(network.folder('pki')):
        os.chmod(path(name), 0o644)


def make_site_authority():
    """What a site issues by itself under Enhanced HTTP (signatures.md: subject and issuer)."""
    certtool('--generate-privkey', '--key-type=rsa', '--bits', '2048', '--outfile', path('site.key'))
    certtool('--generate-self-signed', '--load-privkey', path('site.key'), '--hash', 'SHA256', '--outfile', path('site.pem'),
             '--template', template('site', 'cn = "SMS Issuing"', 'ca', 'cert_signing_key', 'expiration_days = 3650'))
    return 'site'
