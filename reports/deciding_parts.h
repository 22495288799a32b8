/*
 * deciding_parts.h - the layouts of deciding.h by family; only deciding*.c include it.
 */
#ifndef ROLECALL_REPORTS_DECIDING_PARTS_H
#define ROLECALL_REPORTS_DECIDING_PARTS_H

#include "capture/attributes.h"
#include "capture/decode.h"
#include "reports/deciding.h"

struct sight {         /* a packet that is looked at */
    struct bytes from; /* the frame; offsets count from its first octet */
    struct datagram d;
    struct bytes content; /* above the transport header */
    size_t through;       /* a message is meant that goes on past this octet of the content */
    bool about;           /* the packet is cited for this kind of record */
    struct deciding *ret;
};

/* States the first `len` octets of `from`, as many as are there and the limit allows; true. */
bool sight_show(struct sight *s, struct bytes from, size_t len, const char *format, ...)
    PRINTF_LIKE(4, 5);
bool sight_has_port(const struct sight *s, uint16_t port);
/* Where `octets` are in `in`; `in.len`: nowhere. */
size_t sight_find(struct bytes in, const void *octets, size_t len);

bool look_at_ntlm(struct sight *s);
bool look_at_smb(struct sight *s);
bool look_at_dcerpc(struct sight *s);
bool look_at_sql(struct sight *s);
bool look_at_kerberos(struct sight *s);
bool look_at_ldap(struct sight *s);

#endif
