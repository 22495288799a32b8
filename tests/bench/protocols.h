/*
 * protocols.h - one function per kind of conversation: it picks the server, writes both sides'
 * messages into the scene's script and tells the tally what an auditor must find in them.
 *
 * Spec:   dns.c RFC 1035, 2782; kerberos.c RFC 4120; ldap.c RFC 4511, [MS-ADTS] 6.3; tls.c RFC
 * 5246, 8446; sql.c [MS-TDS]; http.c RFC 9112, [MS-NTHT]; smb.c [MS-SMB2]; bulk.c both.
 */
#ifndef ROLECALL_BENCH_PROTOCOLS_H
#define ROLECALL_BENCH_PROTOCOLS_H

#include <stdbool.h>
#include <stdint.h>

struct scene;

void dns_scene(struct scene *sc);
void kerberos_udp_scene(struct scene *sc);
void kerberos_tcp_scene(struct scene *sc);
void ldap_scene(struct scene *sc);
void cldap_scene(struct scene *sc);
void tls12_scene(struct scene *sc);
void tls12_resumed_scene(struct scene *sc);
void tls13_scene(struct scene *sc);
void sql_scene(struct scene *sc);
void http_scene(struct scene *sc);
void http_authenticated_scene(struct scene *sc);
void smb_scene(struct scene *sc);

/*
 * Bulk transfers: _scene opens the conversation; each _more replaces the script by the next piece
 * (at least one message). `budget` is how many octets this transfer should still carry; 0 asks it
 * to come to an end. False: nothing is left to say, close.
 */
void smb_read_scene(struct scene *sc);
bool smb_read_more(struct scene *sc, uint64_t budget);
void smb_write_scene(struct scene *sc);
bool smb_write_more(struct scene *sc, uint64_t budget);
void download_scene(struct scene *sc);
bool download_more(struct scene *sc, uint64_t budget);

#endif
