/*
 * command_help.h - what `rolecall COMMAND --help` says; only main.c includes it.
 */
#ifndef ROLECALL_REPORTS_COMMAND_HELP_H
#define ROLECALL_REPORTS_COMMAND_HELP_H

#define INPUT_HELP                                                                                 \
    "  -r, --read FILE        capture file, folder of captures, or - for standard input; "         \
    "further\n"                                                                                    \
    "                         files may follow, all of them are one timeline\n"                    \
    "  -i, --interface NAME   network interface, or several with commas between, until "           \
    "interrupted\n"                                                                                \
    "      --user NAME        as whom traffic is read when root starts it with -i (default: "      \
    "rolecall\n"                                                                                   \
    "                         where there is such a user, else nobody)\n"                          \
    "      --filter BPF       only packets that match this pcap filter\n"                          \
    "      --workers N        threads that dissect (default: one a core); output is the same for " \
    "all\n"                                                                                        \
    "      --memory SIZE      for flows and their state, such as 512M (the default) or 2G\n"       \
    "      --buffer SIZE      with -i: what the kernel may hold of each interface (default: "      \
    "64M)\n"                                                                                       \
    "      --key-vlan         equal addresses in two VLANs are two conversations\n"                \
    "      --key-tunnel       equal addresses in two tunnels are two conversations\n"              \
    "      --no-ndpi          name protocols by own signatures only\n"                             \
    "      --secrets          write NTLM proofs, from which passwords can be guessed\n"            \
    "      --sql-text         write the text of SQL requests\n"                                    \
    "      --paths            write the paths of files opened on shares\n"                         \
    "  -o, --output FILE      write there (default: - for standard output)\n"                      \
    "  -q, --quiet            no progress\n"                                                       \
    "  -h, --help             this text\n"

#define HELP_AUDIT                                                                                 \
    "usage: rolecall audit -p POLICY -r FILE... | -i INTERFACE\n\n"                                \
    "  -p, --policy FILE      the declared hierarchy (see 'rolecall check')\n"                     \
    "      --matrix FILE      rows of the matrix instead of the built-in ones\n"                   \
    "      --format F         text (default), html, pdf, jsonl, sarif, csv-findings,\n"            \
    "                         csv-verdicts, csv-hosts, csv-flows, markdown, ecs, ocsf, cef\n"      \
    "                         or syslog; pdf needs Chromium\n"                                     \
    "      --events           with jsonl: also every record that 'rolecall events' writes\n"       \
    "      --report FOLDER    also write report.html, report.txt and records.jsonl there\n"        \
    "      --formats LIST     what else --report writes, such as html,pdf,sarif,csv,markdown\n"    \
    "                         (csv: all four tables; evidence: the packets of each finding;\n"     \
    "                         default: html,jsonl,text,evidence)\n"                                \
    "      --full             text: every finding in full, not a line each from the 21st of a\n"   \
    "                         rule on\n"                                                           \
    "      --octets           show the octets that decide, for each cited packet\n"                \
    "      --syslog URL       send the findings: udp://HOST:PORT, tcp://... or tls://...\n"        \
    "      --syslog-ca FILE   authorities for tls (PEM; default: the system's)\n"                  \
    "      --mask             replace names of users and hosts, domains and addresses, each\n"     \
    "                         always by the same word, in every report\n"                          \
    "      --store FILE       keep the audit in this store (see 'rolecall history')\n"             \
    "      --reproducible     leave out the time at which the report was made\n"                   \
    "      --every TIME       with -i and --report: also a report every 15m, 1h, 1d ...\n"         \
    "      --keep N           of these the newest N stay (default: all)\n"                         \
    "      --tui              a live screen while it runs: rates, losses, hosts, findings\n"       \
    "      --keep-packets SIZE  with -i and --report: packets kept as evidence of what is found\n" \
    "                         late (default: 128M; 0: none)\n"                                     \
    "      --listen ADDR:PORT with -i: serve the page live, and /metrics for Prometheus; to\n"     \
    "                         this machine only, or to others by TLS and with a token:\n"          \
    "      --token-file FILE  who asks needs the token in it (as Bearer, or typed in once)\n"      \
    "      --certificate FILE serve by TLS, with this certificate (PEM) ...\n"                     \
    "      --key FILE         ... and its key\n"                                                   \
    "      --fail-on SEVERITY exit with 1 from this severity on (default: low)\n"                  \
    "      --color WHEN       auto (default), always or never\n" INPUT_HELP                        \
    "\nExit status: 0 nothing found at or above --fail-on, 1 findings, 2 could not audit.\n"       \
    "\nexamples:\n"                                                                                \
    "  rolecall audit -p site.yaml -r monday.pcapng.gz\n"                                          \
    "  rolecall audit -p site.yaml -r captures/ --report report\n"                                 \
    "  zstdcat big.pcap.zst | rolecall audit -p site.yaml -r - --format jsonl\n"                   \
    "  rolecall audit -p site.yaml -i eth1 --report report --tui --listen 127.0.0.1:8080\n"

#define HELP_DOCTOR                                                                                \
    "usage: rolecall doctor [-i INTERFACE]\n\n"                                                    \
    "  -i, --interface NAME   also what this interface lacks, or several with commas between\n"    \
    "      --report FOLDER    where reports shall lie (default: this folder)\n"                    \
    "      --memory SIZE      what the audit shall be given (default: 512M)\n"                     \
    "      --format F         text (default) or jsonl\n"                                           \
    "      --color WHEN       auto (default), always or never\n"                                   \
    "  -o, --output FILE      write there (default: - for standard output)\n"                      \
    "  -h, --help             this text\n"                                                         \
    "\nEach line says ok, warn (less is seen, or less is safe) or bad (an audit fails or misses\n" \
    "much), and how to mend it. Nothing is changed.\n"                                             \
    "\nExit status: 0 nothing bad, 1 something is, 2 could not look.\n"                            \
    "\nexample:\n  rolecall doctor -i eth1 --report /var/lib/rolecall\n"

#define HELP_EVENTS                                                                                \
    "usage: rolecall events -r FILE... | -i INTERFACE\n\n"                                         \
    "      --type LIST        only these record types, such as flow,tls,ntlm\n" INPUT_HELP         \
    "\nexamples:\n"                                                                                \
    "  rolecall events -r capture.pcap | jq 'select(.type == \"tls\") | .server_name'\n"           \
    "  rolecall events --type ntlm,smb -r captures/ -o seen.jsonl\n"

#define HELP_CHECK                                                                                 \
    "usage: rolecall check POLICY\n\n"                                                             \
    "      --matrix FILE      rows of the matrix instead of the built-in ones\n"                   \
    "      --fail-on SEVERITY exit with 1 from this severity on (default: low)\n"                  \
    "  -h, --help             this text\n"                                                         \
    "\nExit status: 0 nothing to say, 1 remarks, 2 the policy cannot be used.\n"                   \
    "\nexample:\n  rolecall check site.yaml\n"

#define HELP_DISCOVER                                                                              \
    "usage: rolecall discover -r FILE... | -i INTERFACE\n\n"                                       \
    "  -p, --policy FILE      tell what is new, gone or contradicts it, in comments\n"             \
    "      --matrix FILE      rows of the matrix instead of the built-in ones\n" INPUT_HELP        \
    "\nThe draft is YAML that 'rolecall check' loads; what is only possible is a comment in it.\n" \
    "\nexamples:\n"                                                                                \
    "  rolecall discover -r monday.pcapng -o draft.yaml\n"                                         \
    "  rolecall discover -p site.yaml -r captures/ | grep '^# '\n"

#define STORE_HELP                                                                                 \
    "      --store FILE       the store that 'rolecall audit --store' keeps audits in\n"
#define PLACE_HELP                                                                                 \
    "  -o, --output FILE      write there (default: - for standard output)\n"                      \
    "      --color WHEN       auto (default), always or never\n"

#define HELP_HISTORY                                                                               \
    "usage: rolecall history --store FILE\n\n" STORE_HELP                                          \
    "      --keep N           remove all but the newest N audits of each policy\n"                 \
    "      --format F         text (default) or jsonl\n" PLACE_HELP                                \
    "  -q, --quiet            do not say how many were removed\n"                                  \
    "  -h, --help             this text\n"                                                         \
    "\nexamples:\n  rolecall history --store audits.db\n"                                          \
    "  rolecall history --store audits.db --keep 52\n"

#define HELP_DIFF                                                                                  \
    "usage: rolecall diff --store FILE [A B]\n\n"                                                  \
    "A and B are numbers of audits, 'last', or 'previous', the one before the last of its "        \
    "policy;\nwithout them, previous and last are compared.\n\n" STORE_HELP                        \
    "      --format F         text (default) or jsonl\n"                                           \
    "      --fail-on SEVERITY exit with 1 from this severity on (default: low)\n" PLACE_HELP       \
    "  -h, --help             this text\n"                                                         \
    "\nExit status: 0 no finding is new or worse at or above --fail-on, 1 some are, 2 could not "  \
    "compare.\n"                                                                                   \
    "\nexamples:\n  rolecall diff --store audits.db\n"                                             \
    "  rolecall diff --store audits.db 3 last --fail-on high\n"

#define HELP_REPORT                                                                                \
    "usage: rolecall report --from FILE\n\n"                                                       \
    "      --from FILE        the store of audits\n"                                               \
    "      --audit N          which of its audits: a number, last (default) or previous\n"         \
    "      --format F         text (default), or any other of 'rolecall audit'\n"                  \
    "      --report FOLDER    also write a folder, as 'rolecall audit' does\n"                     \
    "      --formats LIST     what --report writes besides; evidence needs the captures, as "      \
    "they\n"                                                                                       \
    "                         were audited\n"                                                      \
    "  -r, --read FILE        a capture that is elsewhere now; further files may follow\n"         \
    "      --full             text: every finding in full, not a line each from the 21st of a\n"   \
    "                         rule on\n"                                                           \
    "      --octets           show the octets that decide, for each cited packet\n"                \
    "      --mask             replace names and addresses, as 'rolecall audit --mask' does\n"      \
    "  -q, --quiet            do not say which captures are gone\n" PLACE_HELP                     \
    "  -h, --help             this text\n"                                                         \
    "\nexamples:\n  rolecall report --from audits.db --audit 12 --format jsonl\n"                  \
    "  rolecall report --from audits.db --report report -r /mnt/archive/monday.pcapng\n"           \
    "  rolecall report --from audits.db --mask --format html -o for-others.html\n"

#define HELP_ACCEPT                                                                                \
    "usage: rolecall accept -p POLICY --store FILE FINDING... --until DATE --reason TEXT\n\n"      \
    "FINDING is the id that reports give. The entry is written into the policy's 'accept:'\n"      \
    "section, and nothing else in the file is touched.\n\n"                                        \
    "  -p, --policy FILE      the policy to write into\n" STORE_HELP                               \
    "      --audit N          which of its audits: a number, last (default) or previous\n"         \
    "      --records FILE     instead of --store: records.jsonl of an audit\n"                     \
    "      --until DATE       the last day, such as 2027-01-31\n"                                  \
    "      --reason TEXT      why the risk is taken\n"                                             \
    "      --by NAME          who takes it (default: your user name)\n"                            \
    "  -h, --help             this text\n"                                                         \
    "\nexample:\n  rolecall accept -p site.yaml --store audits.db 0b5e9f53a1c2d4e7 \\\n"           \
    "    --until 2027-01-31 --reason 'NAS replaced in Q1'\n"

#define HELP_MATRIX                                                                                \
    "usage: rolecall matrix -p POLICY [--format F]\n\n"                                            \
    "      --matrix FILE      rows of the matrix instead of the built-in ones\n"                   \
    "      --format F         table (default), csv, json, nftables or windows; the last two "      \
    "hold\n"                                                                                       \
    "                         what is needed, the others also what is optional\n"                  \
    "  -o, --output FILE      write there (default: - for standard output)\n"                      \
    "  -h, --help             this text\n"                                                         \
    "\nexamples:\n  rolecall matrix -p site.yaml\n"                                                \
    "  rolecall matrix -p site.yaml --format nftables -o rolecall.nft\n"

#endif
