/*
 * dcerpc_auth.c - logons: the tokens in security verifiers, and what the first answered call says
 * of them.
 *
 * The server has no message of its own for the outcome. A verifier that is wrong is refused before
 * the call is dispatched ([MS-RPCE] 3.3.3.5), so an answered request says that the logon went well,
 * and a fault may say that it did not.
 */
#include "dissect/dcerpc.h"
#include "dissect/kerberos.h"

/* [MS-RPCE] 2.2.1.1.7 */
enum { RPC_C_AUTHN_GSS_NEGOTIATE = 9, RPC_C_AUTHN_WINNT = 10, RPC_C_AUTHN_GSS_KERBEROS = 16 };

/* Fault status codes: C706 appendix E; [MS-ERREF] 2.2, RPC_S_SEC_PKG_ERROR. */
enum { NCA_S_FAULT_ACCESS_DENIED = 0x5, RPC_S_SEC_PKG_ERROR = 0x721 };

static struct dcerpc_security *find(struct dcerpc_state *s, uint32_t id)
{
    for (unsigned i = 0; i < s->context_count; i++) {
        if (s->contexts[i].id == id) {
            return &s->contexts[i];
        }
    }
    return NULL;
}

static struct dcerpc_security *take(struct dissection *dx, struct dcerpc_state *s, uint32_t id)
{
    struct dcerpc_security *row = find(s, id);
    if (row == NULL && s->context_count < LIMIT_DCERPC_CONTEXTS) {
        row = &s->contexts[s->context_count++];
        *row = (struct dcerpc_security){.id = id, .child = row->child};
    } else if (row == NULL) {
        row = &s->contexts[0];
        for (unsigned i = 1; i < s->context_count; i++) {
            row = s->contexts[i].used < row->used ? &s->contexts[i] : row;
        }
        if (row->open) {
            dissection_anomaly(dx, "dcerpc.context_limit");
            dissection_end(row->child, NULL);
        }
        *row = (struct dcerpc_security){.id = id, .child = row->child};
    }
    row->used = ++s->clock;
    return row;
}

/* What spnego.c reads: NTLM, a GSS-API token or a negotiation, and Kerberos messages by themselves
 * ([MS-KILE] 3.4.5.1). */
static bool is_token(struct bytes token)
{
    static const uint8_t first[] = {0x60, 0xa0, 0xa1, KRB_AP_REQ, KRB_AP_REP, KRB_ERROR};
    return bytes_has_prefix(token, "NTLMSSP", 8) ||
           (token.len > 0 && memchr(first, token.at[0], sizeof first) != NULL);
}

void dcerpc_auth_token(struct dissection *dx, struct dcerpc_state *s, enum dir dir,
                       const struct dcerpc_trailer *trailer, struct bytes token)
{
    bool ours = trailer->type == RPC_C_AUTHN_GSS_NEGOTIATE || trailer->type == RPC_C_AUTHN_WINNT ||
                trailer->type == RPC_C_AUTHN_GSS_KERBEROS;
    if (!ours || !is_token(token)) {
        return;
    }
    struct dcerpc_security *row = take(dx, s, trailer->context);
    if (row->child == NULL) {
        row->child = dissection_child(dx, &spnego_dissector, "dcerpc");
    }
    if (row->child != NULL) {
        row->open = true;
        row->requested = row->requested && dir == DIR_SERVER;
        dissection_feed(row->child, dir, token);
    }
}

bool dcerpc_auth_waits(const struct dcerpc_state *s)
{
    for (unsigned i = 0; i < s->context_count; i++) {
        if (s->contexts[i].open) {
            return true;
        }
    }
    return false;
}

/* The open logon that a message belongs to: its verifier's, or without one the latest. */
static struct dcerpc_security *open_logon(struct dcerpc_state *s,
                                          const struct dcerpc_trailer *trailer)
{
    struct dcerpc_security *latest = NULL;
    for (unsigned i = 0; i < s->context_count; i++) {
        struct dcerpc_security *row = &s->contexts[i];
        bool meant = trailer == NULL ? latest == NULL || row->used > latest->used
                                     : row->id == trailer->context;
        if (row->open && meant) {
            latest = row;
        }
    }
    return latest;
}

static void end(struct dcerpc_security *row, enum auth_result result, const char *status)
{
    row->open = row->requested = false;
    dissection_end(row->child, &(struct outcome){.result = result, .status = status});
}

void dcerpc_auth_request(struct dcerpc_state *s, const struct dcerpc_trailer *trailer)
{
    struct dcerpc_security *row = open_logon(s, trailer);
    if (row != NULL) {
        row->requested = true;
    }
}

void dcerpc_auth_response(struct dcerpc_state *s, const struct dcerpc_trailer *trailer)
{
    struct dcerpc_security *row = open_logon(s, trailer);
    if (row != NULL && row->requested) {
        end(row, AUTH_SUCCESS, "response");
    }
}

void dcerpc_auth_fault(struct dcerpc_state *s, const struct dcerpc_trailer *trailer,
                       uint32_t status)
{
    struct dcerpc_security *row = open_logon(s, trailer);
    if (row == NULL || !row->requested) {
        return;
    }
    if (status == NCA_S_FAULT_ACCESS_DENIED) {
        end(row, AUTH_FAILURE, "nca_s_fault_access_denied");
    } else if (status == RPC_S_SEC_PKG_ERROR) {
        end(row, AUTH_FAILURE, "RPC_S_SEC_PKG_ERROR");
    }
}

void dcerpc_auth_refused(struct dcerpc_state *s)
{
    struct dcerpc_security *row = open_logon(s, NULL);
    if (row != NULL) {
        end(row, AUTH_FAILURE, "bind_nak");
    }
}

void dcerpc_auth_end(struct dcerpc_state *s)
{
    for (unsigned i = 0; i < s->context_count; i++) {
        struct dcerpc_security *row = &s->contexts[i];
        if (row->open) {
            row->open = false;
            dissection_end(row->child, NULL);
        }
    }
    s->context_count = 0; /* the rows keep their children for the next connection */
}
