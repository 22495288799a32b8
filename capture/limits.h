/*
 * limits.h - every ceiling of the program, each with its reason.
 *
 * What a limit cost is always counted and reported: nothing is shed in silence.
 */
#ifndef ROLECALL_CAPTURE_LIMITS_H
#define ROLECALL_CAPTURE_LIMITS_H

/* Flows are spread over a fixed number of shards, whatever the number of workers, so that what a
 * full table sheds, and with it the output, does not depend on --workers. More than any usual core
 * count. */
#define LIMIT_SHARDS 16

/* Memory for flows and their state, all shards together: --memory changes it. */
#define LIMIT_MEMORY_DEFAULT (512u << 20)

/* What the kernel may hold of one interface until it is read: a tenth of a second at 5 Gbit/s.
 * --buffer changes it. */
#define LIMIT_LIVE_RING (64u << 20)
#define LIMIT_LIVE_RING_MOST (2047u << 20) /* libpcap takes an int */

/* Packets kept after they were read, so that there is evidence when a rule fires late; heads and
 * all. --keep-packets changes it. */
#define LIMIT_KEPT_PACKETS (128u << 20)
/* Of these, what findings cite: taken out some times a second, some thousand packets at a time; how
 * far back the opening of a connection is looked for; and all of it, as long as the audit lasts. */
#define LIMIT_PINS_WANTED 1024u
#define LIMIT_OPENING_OCTETS (64u << 20)
#define LIMIT_PINNED_OCTETS (64u << 20)

/* Payload of a conversation that is read at any load: dissectors look at the beginning of content,
 * handshakes and logons are over by then. */
#define LIMIT_SHED_AFTER (1u << 20)

/* Intervals of which a live capture tells what it lost: a minute each, more when the losses of
 * weeks have to be joined. */
#define LIMIT_LOSS_INTERVALS 240u

/* A link-layer frame that claims more is a damaged file: 256 KiB is libpcap's own MAXIMUM_SNAPLEN.
 */
#define LIMIT_FRAME_OCTETS 262144u

/* Interfaces that one section of a pcapng file may declare: a host has tens, each costs 56 octets.
 */
#define LIMIT_INTERFACES 4096u

/* Encapsulations passed on the way to the innermost packet: deeper is an attack, not a network. */
#define LIMIT_TUNNEL_DEPTH 8

/* IP fragments waiting for their siblings: octets in all, datagrams at once, seconds each. Hosts
 * wait for 15 s and more (RFC 791 3.2); siblings of a capture come within milliseconds, and a first
 * piece that is given up should still find its flow (LIMIT_UDP_IDLE_SECONDS). */
#define LIMIT_FRAGMENT_OCTETS (16u << 20)
#define LIMIT_FRAGMENT_DATAGRAMS 4096
#define LIMIT_FRAGMENT_PIECES 8192
#define LIMIT_FRAGMENT_SECONDS 10

/* Out-of-order TCP payload held per direction. 1 MiB covers a full receive window of the usual
 * size; past it the oldest hole is declared a gap. */
#define LIMIT_REORDER_OCTETS (1u << 20)
#define LIMIT_REORDER_SEGMENTS 1024

/* A hole that nobody fills while this much follows it, or this long, was lost by the capture. */
#define LIMIT_HOLE_SECONDS 10

/* How long a silent flow is kept (capture time). TCP keep-alives of Windows come every two hours,
 * but an idle established flow has nothing more to say to an audit than a new one. Datagrams are
 * answered, or asked again, within seconds; a closed flow waits for a last acknowledgement only.
 * What is kept longer is cold when it ends, and costs the cache of those that live. */
#define LIMIT_TCP_IDLE_SECONDS 3600
#define LIMIT_TCP_HALF_OPEN_SECONDS 60
#define LIMIT_TCP_CLOSED_SECONDS 2
#define LIMIT_UDP_IDLE_SECONDS 15

/* A copy of a packet that a mirror port delivers twice comes within this time. TCP's own shortest
 * retransmission time-out is 200 ms. */
#define LIMIT_DUPLICATE_NS 50000000

/* State of one flow's dissectors, and the octets one direction may wait for a message to complete.
 * 16 MiB + 64 is the largest NetBIOS/SMB frame; a message that does not need its content uses SKIP.
 */
#define LIMIT_FLOW_ARENA (1u << 20)
#define LIMIT_FLOW_BUFFER (256u << 10)

/* Protocols inside protocols (SPNEGO in SMB, NTLM in SPNEGO, TLS in CONNECT). */
#define LIMIT_NESTING 8

/* Bad or unplaceable messages after which a flow goes quiet; and how many segment starts of a flow
 * joined mid-stream are tried before its protocol stays unknown. */
#define LIMIT_BAD_MESSAGES 16
#define LIMIT_IDENTIFY_SEGMENTS 12
#define LIMIT_RESYNC_SEGMENTS 4096

/* nDPI 4.2 loops for ever on a DNS datagram of some 65,490 octets (upstream #1804): never near it.
 */
#define LIMIT_NDPI_OCTETS 9216
#define LIMIT_NDPI_PACKETS 10

/* Text of a fact, in octets of UTF-8; a longer one is cut and ends in U+2026. */
#define LIMIT_TEXT 1024
#define LIMIT_FACTS 512
#define LIMIT_OBSERVATION_TEXT (64u << 10)

/* Observations under construction in one flow (pipelined requests, sessions): more are counted. */
#define LIMIT_FLOW_DRAFTS 256

/* The head of one HTTP message. Servers take 8 to 64 KiB; a Kerberos token with many groups has 48
 * KiB. */
#define LIMIT_HTTP_HEAD (64u << 10)

/* What is read of a Configuration Manager client's message, and of its body once that is inflated.
 * The header, in UTF-16 with a key and two signatures of 4096 bits, has some 12 KiB; what a body is
 * stands in its first element. */
#define LIMIT_CCM_MESSAGE (32u << 10)
#define LIMIT_CCM_BODY 2048
/* A discovery record is short, and the computer's addresses stand at its end, in UTF-16. */
#define LIMIT_CCM_DISCOVERY (16u << 10)
#define LIMIT_CCM_ADDRESSES 16

/* HTTP/2: streams of one connection that are followed (nginx allows 128 at once, Apache 100),
 * CONTINUATION frames of one header block (a block of 64 KiB needs three), fields of one block and
 * octets of them once decompressed (curl takes 300 KiB), and the dynamic table that an encoder may
 * use (Chrome's 64 KiB; the default is 4 KiB). */
#define LIMIT_HTTP2_STREAMS 128
#define LIMIT_HTTP2_CONTINUATIONS 64
#define LIMIT_HTTP2_FIELDS 1024
#define LIMIT_HTTP2_FIELD_OCTETS (256u << 10)
#define LIMIT_HPACK_TABLE (64u << 10)

/* WebSocket messages of each direction whose beginning is compared with known protocols, and the
 * octets of it that are waited for: a tunnel shows in its first message. */
#define LIMIT_WEBSOCKET_TRIES 4
#define LIMIT_WEBSOCKET_HEAD 512

/* An SMB message that is read whole (negotiate, session setup, tree connect): a Kerberos token of
 * 64 KiB, which is Windows' largest MaxTokenSize, and its frame. */
#define LIMIT_SMB_MESSAGE (96u << 10)

/* Rows per SMB connection: sessions and shares (the least recently used is written and recycled),
 * tree connects that wait for a reply, and reads whose asynchronous reply would not name their
 * share. */
#define LIMIT_SMB_SESSIONS 32
#define LIMIT_SMB_TREES 32
#define LIMIT_SMB_CONNECTS 8
#define LIMIT_SMB_READS 64

/* Files open at once in one SMB connection that are told by name: those that an audit asks for, or
 * all where the user does; the one that was used longest ago is written early when more are. */
#define LIMIT_SMB_FILES 64

/* Named pipes open at once in one SMB connection that are read: a Windows client keeps two or
 * three. */
#define LIMIT_SMB_PIPES 16

/* A message on a share whose connecting was not captured is read as a pipe's up to this: a DCERPC
 * fragment of the usual 4 to 6 KiB. File data comes in larger pieces. */
#define LIMIT_SMB_GUESS (8u << 10)

/* What may wait in a stream inside another: a DCERPC fragment (64 KiB) and the SMB message (96 KiB)
 * that ends it. */
#define LIMIT_SUBSTREAM (160u << 10)

/* Security contexts of one DCERPC connection whose logons are followed, and presentation contexts
 * read of one bind: clients use one to three of each. */
#define LIMIT_DCERPC_CONTEXTS 8
#define LIMIT_DCERPC_SYNTAXES 32

/* Contexts of one bind that are paired with their results, different calls of a connection that are
 * stated, and the answers of the endpoint mapper that are read: it sends some 2 KiB, and four
 * endpoints unless asked for more. */
#define LIMIT_DCERPC_ELEMENTS 64
#define LIMIT_DCERPC_CALLS 64
#define LIMIT_DCERPC_ANSWER (16u << 10)
/* A call that opens a registry key: names of keys have at most 255 characters, paths seldom more.
 */
#define LIMIT_DCERPC_KEY_CALL 1024
#define LIMIT_DCERPC_TOWERS 64
#define LIMIT_DCERPC_FLOORS 8

/* Endpoints remembered to name other connections, and interfaces of one: a server has some fifty
 * ports, and the busiest, a domain controller's, serves lsarpc, samr, netlogon, drsuapi and others.
 */
#define LIMIT_ENDPOINTS 4096
#define LIMIT_ENDPOINT_INTERFACES 8

/* An LDAP message that is read whole (a Kerberos token of 64 KiB in a bind), and the requests of
 * one connection that wait for their answer: Windows allows 20 searches at once (MaxActiveQueries).
 */
#define LIMIT_LDAP_MESSAGE (96u << 10)
#define LIMIT_LDAP_REQUESTS 32

/* Levels of a search filter that are written, and names of one list (attributes, changes, controls,
 * referrals): people write five and name thirty. */
#define LIMIT_LDAP_FILTER_DEPTH 32
#define LIMIT_LDAP_NAMES 128

/* Names of entries found that one record states: a site has some ten management points. */
#define LIMIT_LDAP_FOUND 16

/* A TDS message that is read whole (LOGIN7, SSPI, the answer to them): a LOGIN7 has at most 128 KiB
 * - 1 octets. */
#define LIMIT_TDS_MESSAGE (128u << 10)

/* The start of a request of which text is wanted: UTF-16 for twice as much as LIMIT_TEXT keeps,
 * with the headers before it. And sessions of MARS followed in one connection: a client keeps a
 * handful. */
#define LIMIT_TDS_TEXT (4u << 10)
#define LIMIT_TDS_SESSIONS 16

/* Kerberos requests of one connection that wait for their replies: clients send one at a time. */
#define LIMIT_KERBEROS_WAITING 8

/* Questions of one flow that wait for their response, and for how long: resolvers with a fixed port
 * have tens under way and give up within 10 s. And answered ones whose repetitions may be answered
 * yet. */
#define LIMIT_DNS_WAITING 64
#define LIMIT_DNS_WAITING_SECONDS 15
#define LIMIT_DNS_ECHOES 8

/* Questions read of one message (mDNS asks ten at once), answers stated of one response, and
 * pointers followed in one name: compression needs one. */
#define LIMIT_DNS_QUESTIONS 32
#define LIMIT_DNS_ANSWERS 64
#define LIMIT_DNS_POINTERS 16

/* Certificates remembered by their octets, per worker: parsing one costs 100 us. */
#define LIMIT_CERTIFICATES 4096
#define LIMIT_CERTIFICATE_OCTETS (64u << 10)
/* Certificates that a record names the issuers of, beside the server's own: chains have two to
 * four.
 */
#define LIMIT_CHAIN_ISSUERS 8
/* A file of authorities that a policy names, and certificates in it: a bundle of all public ones
 * has 150 in 200 KiB. */
#define LIMIT_AUTHORITY_FILE (4 << 20)
#define LIMIT_AUTHORITIES 1024
#define LIMIT_CERTIFICATE_CACHE_OCTETS (16u << 20)

/* A TLS handshake message put together from several records: long certificate chains have 20 KiB.
 */
#define LIMIT_HANDSHAKE_OCTETS (64u << 10)

/* Numbers of one list of a ClientHello that are named and fingerprinted: IANA knows 350 cipher
 * suites, and scanners offer them all. */
#define LIMIT_HELLO_LIST 384
#define LIMIT_HELLO_ALPN 32

/* The policy file, and what it may hold. */
#define LIMIT_POLICY_OCTETS (4u << 20)
#define LIMIT_POLICY_DEPTH 16
/* Values with every alias written out (a large hierarchy has some 50,000), anchors, the memory that
 * such a file can take, and how many faults and remarks a person reads. */
#define LIMIT_POLICY_NODES 1000000u
#define LIMIT_POLICY_ANCHORS 64
#define LIMIT_POLICY_MEMORY (768u << 20)
#define LIMIT_POLICY_FAULTS 50
#define LIMIT_POLICY_REMARKS 1000
/* Rows of the matrix, a multiple of 64; the built-in one has 179, and a site adds its own. */
#define LIMIT_MATRIX_ROWS 512u
/* Flows that `rolecall matrix` lists: 400 octets each, and nobody enters more rules into a
 * firewall. */
#define LIMIT_MATRIX_FLOWS (1u << 21)

/* The audit's own tables: subjects with a verdict (each of 5,000 hosts is judged by some forty
 * rules), findings, evidence and flows listed in a finding. */
#define LIMIT_SUBJECTS 400000
#define LIMIT_AUDIT_OCTETS (256u << 20)
#define LIMIT_FINDINGS 20000
/* Flows that one rule remembers something of at a time: open SMB and HTTP connections of a busy
 * site. */
#define LIMIT_FLOW_NOTES 16384
#define LIMIT_EVIDENCE 8
/* Decoded fields shown with a packet of evidence, and octets of one: what fits beside it. */
#define LIMIT_EVIDENCE_FIELDS 16
#define LIMIT_EVIDENCE_TEXT 200
/* What one rule remembers across flows at a time (challenges of a minute, callers of ten minutes):
 * 1.6 MB each; a busy site authenticates some tens of times a second. */
#define LIMIT_RECENT 4096u
/* Pairs of site systems whose handshakes and deliveries are counted: 1.4 KB each, when they speak;
 * a site has some hundreds. */
#define LIMIT_LINKS 4096u
#define LIMIT_FINDING_FLOWS 16
/* Pairs that are tried to learn whether a hierarchy needs a row of the matrix: the first one mostly
 * does, and thousands of sites look alike. */
#define LIMIT_ROW_PAIRS 20000u
/* Pairs of hosts of two forests of which the one looked the other's name up. A power of two. */
#define LIMIT_LOOKUPS 4096u
/* Required connections of a hierarchy that are followed: pairs of hosts that speak, by port; a busy
 * site has some thousands. A power of two. */
#define LIMIT_PATHS 16384u
/* What a watch rule may count up to, and ends that it counts at a time. */
#define LIMIT_WATCH_COUNT 1000
#define LIMIT_WATCH_WINDOWS 4096

/* Addresses that names are learned for, and names of one: a site has thousands of clients, a
 * cluster or a web server a handful of names. And the memory that they take. */
#define LIMIT_LEARNED_ADDRESSES 65536
#define LIMIT_LEARNED_NAMES 8
#define LIMIT_LEARNED_OCTETS (64u << 20)
/* Hosts, and distinct pieces of evidence, that `discover` keeps. */
#define LIMIT_DISCOVERED_HOSTS 65536
#define LIMIT_DISCOVERED_OCTETS (128u << 20)
#define LIMIT_DISCOVERED_NAMES 1024
/* Clients of one host that `discover` tells apart for each way to use it: who uses a database or a
 * share is few, and of a web server's clients the first ones show whether they are many. */
#define LIMIT_DISCOVERED_USERS 16

/* What a report shows of hosts and of who speaks to whom: a large hierarchy has some thousand
 * servers and sites' worth of clients, which stand as one group in conversations; a scan of the
 * internet must not fill a page. Names counted for one host and kind (versions, ciphers), its
 * certificates, protocols and buckets of the time line, and the memory of it all. */
#define LIMIT_GATHERED_HOSTS 16384u
#define LIMIT_GATHERED_CONVERSATIONS 65536u
#define LIMIT_GATHERED_NAMES 24u
#define LIMIT_GATHERED_CERTIFICATES 8u
#define LIMIT_TRAFFIC_PROTOCOLS 48u
#define LIMIT_TRAFFIC_BUCKETS 200u
#define LIMIT_GATHERED_OCTETS (96u << 20)

/* Cells of the live screen: more than a 4K display shows in a letter that can be read. Hosts that
 * it ranks by traffic: more than anybody scrolls through. */
#define LIMIT_SCREEN_COLUMNS 512u
#define LIMIT_SCREEN_ROWS 256u
#define LIMIT_SCREEN_HOSTS 200u
/* A syslog datagram that every receiver should take (RFC 5426 3.2), and how long one may let us
 * wait. */
#define LIMIT_SYSLOG_DATAGRAM 2048u
#define LIMIT_SYSLOG_SECONDS 10
/* Names that --mask replaces, with their parts: those of a large domain that were seen. */
#define LIMIT_MASKED_NAMES 262144u
#define LIMIT_MASKED_OCTETS (64u << 20)
/* The capture beside a finding, which goes by mail, and all of them. */
#define LIMIT_EVIDENCE_FILE (2u << 20)
#define LIMIT_EVIDENCE_OCTETS (256u << 20)
/* Connections whose last segments are kept at a time, 13 kB each: those that go on beside one
 * another, of which packets are still to come. */
#define LIMIT_EVIDENCE_TAILS 2048u
/* Octets shown of a packet: the longest header that decides something (SMB2 with its NEGOTIATE),
 * six lines of sixteen. */
#define LIMIT_DECIDING_OCTETS 96u
/* Octets by which a capture file is known again: its header and the first packets, whose times no
 * other capture has. Folders hold many thousands of files. */
#define LIMIT_FILE_HEAD 4096u
/* What is kept of standard input for the evidence, in a file of its own that goes with the process:
 * an hour of a busy mirror port, compressed as it came, and no full disk. */
#define LIMIT_SPOOL_OCTETS (UINT64_C(1) << 30)

/* How long a writer waits for another one that is storing its audit: a large one takes seconds. And
 * the earlier audits whose figures a report shows: a year of weeks, and some. */
#define LIMIT_STORE_WAIT_MS 30000
#define LIMIT_STORE_HISTORY 60
/* One record of a store: the model of the largest policy takes some megabytes. */
#define LIMIT_STORE_TEXT (64 << 20)

/* A live audit whose process dies is started anew, after 1, 2, 4 ... seconds, so often within so
 * many seconds: who finds a way to end it must not keep the machine busy with it. A report names
 * the last times that nothing was seen. */
#define LIMIT_RESTARTS 6u
#define LIMIT_RESTART_SECONDS 600
#define LIMIT_RESTART_GAPS 32u

/* The HTML report: mail takes it, and browsers open it at once. Past it evidence is thinned. */
#define LIMIT_PAGE_OCTETS 2000000u

/* --listen. Visitors at once, all and of one address: some browsers (six connections each), a
 * Prometheus or two. Of them streams of events. What a request may be: browsers send 2 KiB of
 * header fields, a login is a token. */
#define LIMIT_WEB_VISITORS 64u
#define LIMIT_WEB_VISITORS_OF_ADDRESS 32u
#define LIMIT_WEB_STREAMS 24u
#define LIMIT_WEB_REQUEST (16u << 10)
#define LIMIT_WEB_FORM 1024u
/* Seconds until a request is there as a whole (handshake included), that a connection may stand
 * still, that an answer may take, and a stream of events: its browser then comes again. */
#define LIMIT_WEB_REQUEST_SECONDS 10
#define LIMIT_WEB_IDLE_SECONDS 15
#define LIMIT_WEB_ANSWER_SECONDS 300
#define LIMIT_WEB_STREAM_SECONDS 3600
/* Connections that come in a second before we take our time: a flood must not cost a core. */
#define LIMIT_WEB_ARRIVALS 500u
/* Wrong tokens of one address in a minute, and addresses remembered for it. */
#define LIMIT_WEB_WRONG_TOKENS 10u
#define LIMIT_WEB_WRONG_ADDRESSES 64u
#define LIMIT_WEB_SESSION_SECONDS (12 * 3600)
/* Findings kept for those who were away for a moment, and their octets. */
#define LIMIT_WEB_EVENTS 512u
#define LIMIT_WEB_EVENT_OCTETS (8u << 20)
/* The page and the records as they were at one moment: pages of it are taken as they are written.
 * And how many of them there are while slow visitors still read old ones. */
#define LIMIT_WEB_RENDERING (256u << 20)
#define LIMIT_WEB_RENDERINGS 3u
/* What is older is made anew for who asks; and that is waited for so long. */
#define LIMIT_WEB_FRESH_SECONDS 10
#define LIMIT_WEB_WAIT_SECONDS 10

/* Chromium making the PDF: the largest reports take some seconds on slow machines. */
#define LIMIT_PDF_SECONDS 120

#endif
