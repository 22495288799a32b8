#!/usr/bin/python3
"""relay.py - impacket's ntlmrelayx with Debian's packages, which lack a module that only its attack on LDAP uses.

usage: relay.py ntlmrelayx's words
"""
import runpy, sys, types

NTLMRELAYX = '/usr/share/doc/python3-impacket/examples/ntlmrelayx.py'

for name in ('dsinternals', 'dsinternals.system', 'dsinternals.system.Guid', 'dsinternals.common', 'dsinternals.common.cryptography',
             'dsinternals.common.cryptography.X509Certificate2', 'dsinternals.system.DateTime', 'dsinternals.common.data',
             'dsinternals.common.data.hello', 'dsinternals.common.data.hello.KeyCredential'):
    sys.modules[name] = types.ModuleType(name)
    for part in ('Guid', 'X509Certificate2', 'DateTime', 'KeyCredential'):
        setattr(sys.modules[name], part, None)
runpy.run_path(NTLMRELAYX, run_name='__main__')
