/*
 * kerberos.h - the Kerberos messages that other protocols carry too.
 *
 * Spec:   RFC 4120 5.3, 5.5. Encrypted parts are random octets of a fitting length.
 */
#ifndef ROLECALL_BENCH_KERBEROS_H
#define ROLECALL_BENCH_KERBEROS_H

#include <stddef.h>
#include <stdint.h>

struct octets;
struct random;

enum { ETYPE_AES256 = 18, ETYPE_AES128 = 17, ETYPE_RC4 = 23 };

/* Ticket; `service` is "class/host". */
void kerberos_ticket(struct octets *o, struct random *r, const char *service, size_t cipher_len);
/* AP-REQ with mutual authentication when `options` says so. */
void kerberos_ap_request(struct octets *o, struct random *r, const char *service, uint32_t options);
void kerberos_ap_reply(struct octets *o, struct random *r);

enum { AP_OPTIONS_MUTUAL_REQUIRED = 0x20000000 };

#endif
