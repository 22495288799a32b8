#!/usr/bin/python3
"""tds_client.py - one query by python-tds, with an SQL account and without TLS.

usage: tds_client.py HOST PORT STATEMENT
"""
import os, sys

import pytds

with pytds.connect(sys.argv[1], 'CM_P01', 'sa', os.environ['PW'], port=int(sys.argv[2]), timeout=5, login_timeout=5) as link:
    with link.cursor() as cursor:
        cursor.execute(sys.argv[3])
        print(cursor.fetchall())
