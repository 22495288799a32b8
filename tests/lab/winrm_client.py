#!/usr/bin/python3
"""winrm_client.py - opens a remote shell as the Exchange connector's PowerShell does, with pywinrm; prints the shell's id.

usage: winrm_client.py URL kerberos
       winrm_client.py URL ntlm USER PASSWORD
"""
import os, sys

import winrm

url, how, *account = sys.argv[1:]
user, password = account or (None, None)
shell = winrm.Protocol(endpoint=url, transport=how, username=user, password=password, message_encryption='never',
                       ca_trust_path=os.environ['PKI'] + '/root.pem')
print(shell.open_shell())
