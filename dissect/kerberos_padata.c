/*
 * kerberos_padata.c - what pre-authentication data, options and the data of errors say beside a
 * request's names: FAST, certificates, delegation, the encryption types that a KDC accepts.
 */
#include <stdio.h>

#include "dissect/der.h"
#include "dissect/kerberos.h"
#include "dissect/nt_status.h"
#include "dissect/text.h"

/* RFC 4120 7.5.2, RFC 4556 3.1.3, RFC 6113 7.1, [MS-SFU] 2.2. The third is KERB_ERR_TYPE_EXTENDED
 * too, a data-type of [MS-KILE] 2.2.2. */
enum {
    PA_ENC_TIMESTAMP = 2,
    PA_PW_SALT = 3,
    PA_ETYPE_INFO = 11,
    PA_PK_AS_REQ_OLD = 14,
    PA_PK_AS_REP_OLD = 15,
    PA_PK_AS_REQ = 16,
    PA_PK_AS_REP = 17,
    PA_ETYPE_INFO2 = 19,
    PA_FOR_USER = 129,
    PA_FOR_X509_USER = 130,
    PA_FX_FAST = 136,
};

enum { KDC_ERR_PREAUTH_REQUIRED = 25, KDC_ERR_WRONG_REALM = 68 };

struct padata {
    int64_t type;
    struct bytes value;
};

/* RFC 4120 5.2.7: SEQUENCE { padata-type [1], padata-value [2] }. False at the end of the list;
 * what cannot be read has the type 0. */
static bool next_padata(struct cursor *list, struct padata *ret)
{
    enum { TYPE = 1, VALUE = 2, FIELDS };
    struct bytes fields[FIELDS];
    if (list->rest.len == 0) {
        return false;
    }
    struct bytes element = der_take(list, DER_SEQUENCE);
    *ret = (struct padata){0};
    if (!list->failed && kerberos_fields(element, fields, FIELDS) &&
        kerberos_int(fields[TYPE], &ret->type)) {
        struct cursor value = cursor_of(fields[VALUE]);
        ret->value = der_option(&value, DER_OCTET_STRING).rest;
    }
    return !list->failed;
}

static struct cursor open_list(struct bytes element)
{
    struct cursor c = cursor_of(element);
    return der_option(&c, DER_SEQUENCE);
}

/* ---- requests ---- */

/* Whom a service asks a ticket for: [MS-SFU] 2.2.1 PA-FOR-USER, 2.2.2 PA-S4U-X509-USER. */
static void state_impersonated(struct observation *o, const struct padata *pa)
{
    enum { USER_NAME, USER_REALM, FIELDS };
    enum { USER_ID, CHECKSUM, X509_FIELDS };
    enum { NONCE, CNAME, CREALM, ID_FIELDS };
    struct bytes fields[FIELDS], x509[X509_FIELDS], id[ID_FIELDS];
    struct bytes name = {0}, realm = {0};
    if (observation_get(o, FACT_KERBEROS_S4U) != NULL) {
        return; /* both kinds are sent together, and say the same */
    }
    observation_string(o, FACT_KERBEROS_S4U, "self");
    if (pa->type == PA_FOR_USER && kerberos_open(pa->value, fields, FIELDS)) {
        name = fields[USER_NAME];
        (void)kerberos_text(fields[USER_REALM], &realm);
    } else if (pa->type == PA_FOR_X509_USER && kerberos_open(pa->value, x509, X509_FIELDS) &&
               kerberos_open(x509[USER_ID], id, ID_FIELDS)) {
        name = id[CNAME];
        (void)kerberos_text(id[CREALM], &realm);
    }
    struct kerberos_name user;
    char at[256];
    kerberos_name(name, &user);
    (void)text_from_utf8(realm, at, sizeof at);
    if (user.text[0] != '\0' || at[0] != '\0') {
        observation_format(o, FACT_KERBEROS_S4U_USER, "%s@%s", user.text, at);
    }
}

/* RFC 6113 5.4.2: a KDC's hint that it knows FAST is empty. */
static bool is_armored(const struct padata *pa)
{
    return pa->value.len > 0 && pa->value.at[0] == DER_CONTEXT;
}

static void state_kind(struct observation *o, const struct padata *pa)
{
    if (pa->type == PA_FX_FAST && is_armored(pa)) {
        observation_bool(o, FACT_KERBEROS_FAST, true);
    } else if (pa->type >= PA_PK_AS_REQ_OLD && pa->type <= PA_PK_AS_REP &&
               observation_get(o, FACT_KERBEROS_PKINIT) == NULL) {
        observation_bool(o, FACT_KERBEROS_PKINIT, true);
    }
}

/* The service whose ticket a service shows for a user, or that of a user-to-user logon. */
static void state_additional(struct observation *o, const struct kerberos_request *request)
{
    struct kerberos_ticket ticket;
    struct cursor list = open_list(request->tickets);
    if (list.rest.len == 0) {
        return;
    }
    if ((request->options & KERBEROS_CNAME_IN_ADDL_TKT) != 0) {
        observation_string(o, FACT_KERBEROS_S4U, "proxy");
        if (kerberos_read_ticket(list.rest, &ticket)) {
            kerberos_state_name(o, FACT_KERBEROS_S4U_SERVICE, ticket.service);
        }
    } else if ((request->options & KERBEROS_ENC_TKT_IN_SKEY) != 0) {
        observation_bool(o, FACT_KERBEROS_USER_TO_USER, true);
    }
}

void kerberos_state_request(struct observation *o, const struct kerberos_request *request,
                            bool details)
{
    struct padata pa;
    struct kerberos_encrypted timestamp;
    struct cursor list = open_list(request->padata);
    while (next_padata(&list, &pa)) {
        if (pa.type == 0) {
            continue;
        }
        kerberos_state_padata_type(o, FACT_KERBEROS_PREAUTH, pa.type);
        if (pa.type == PA_FOR_USER || pa.type == PA_FOR_X509_USER) {
            state_impersonated(o, &pa);
        } else if (pa.type == PA_ENC_TIMESTAMP) {
            if (details && kerberos_read_encrypted(pa.value, &timestamp)) {
                kerberos_state_etype(o, FACT_KERBEROS_PREAUTH_ETYPE, timestamp.etype);
            }
        } else {
            state_kind(o, &pa);
        }
    }
    state_additional(o, request);
}

void kerberos_state_reply(struct observation *o, const struct kerberos_reply *reply)
{
    struct padata pa;
    struct cursor list = open_list(reply->padata);
    while (next_padata(&list, &pa)) {
        state_kind(o, &pa);
    }
}

/* ---- errors ---- */

/* RFC 4120 5.2.7.4, 5.2.7.5: ETYPE-INFO and ETYPE-INFO2 are SEQUENCE OF SEQUENCE { etype [0], ... }
 */
static void state_supported(struct observation *o, struct bytes info)
{
    enum { ETYPE, FIELDS };
    struct bytes fields[FIELDS];
    struct cursor list = open_list(info);
    int64_t before = -1; /* an entry for each salt */
    while (list.rest.len > 0) {
        int64_t etype = 0;
        struct bytes entry = der_take(&list, DER_SEQUENCE);
        if (!list.failed && kerberos_fields(entry, fields, FIELDS) &&
            kerberos_int(fields[ETYPE], &etype) && etype != before) {
            kerberos_state_etype(o, FACT_KERBEROS_ETYPES_SUPPORTED, etype);
            before = etype;
        }
    }
}

/* [MS-KILE] 2.2.1 KERB-EXT-ERROR: status, reserved, flags; little-endian */
static void state_status(struct observation *o, struct bytes value)
{
    enum { EXT_ERROR = 12 };
    struct cursor c = cursor_of(value);
    uint32_t status = cursor_le32(&c);
    if (value.len != EXT_ERROR || status == 0) {
        return;
    }
    const char *name = nt_status_name(status);
    if (name != NULL) {
        observation_string(o, FACT_KERBEROS_STATUS, name);
    } else {
        observation_format(o, FACT_KERBEROS_STATUS, "0x%08x", status);
    }
    observation_num(o, FACT_KERBEROS_STATUS_CODE, status);
}

/* RFC 4120 5.9.1: METHOD-DATA, or a KERB-ERROR-DATA ([MS-KILE] 2.2.2), which looks like one of its
 * elements. Windows puts the NT status into either. */
void kerberos_state_error_data(struct observation *o, const struct kerberos_error *error,
                               bool details)
{
    struct padata pa;
    struct cursor list = open_list(error->data);
    if (der_peek(&list) != DER_SEQUENCE) {
        list = cursor_of(error->data);
    }
    if (error->code == KDC_ERR_WRONG_REALM) {
        observation_utf8(o, FACT_KERBEROS_REFERRAL, error->client_realm);
    }
    bool supported = false;
    while (next_padata(&list, &pa)) {
        if (pa.type == PA_PW_SALT && error->code != KDC_ERR_PREAUTH_REQUIRED) {
            state_status(o, pa.value);
            continue;
        }
        if (pa.type == 0 || !details) {
            continue;
        }
        kerberos_state_padata_type(o, FACT_KERBEROS_PREAUTH_OFFERED, pa.type);
        if ((pa.type == PA_ETYPE_INFO || pa.type == PA_ETYPE_INFO2) && !supported) {
            supported = true;
            state_supported(o, pa.value);
        }
    }
}

/* RFC 3244 2: e-data is the result code, and a text for people. */
void kerberos_state_password_result(struct observation *o, const struct kerberos_error *error)
{
    static const char *const names[] = {
        "KRB5_KPASSWD_SUCCESS",     "KRB5_KPASSWD_MALFORMED",           "KRB5_KPASSWD_HARDERROR",
        "KRB5_KPASSWD_AUTHERROR",   "KRB5_KPASSWD_SOFTERROR",           "KRB5_KPASSWD_ACCESSDENIED",
        "KRB5_KPASSWD_BAD_VERSION", "KRB5_KPASSWD_INITIAL_FLAG_NEEDED",
    };
    struct cursor c = cursor_of(error->data);
    unsigned code = cursor_be16(&c);
    if (c.failed) {
        return;
    }
    if (code < sizeof names / sizeof names[0]) {
        observation_string(o, FACT_KERBEROS_PASSWORD_RESULT, names[code]);
    } else {
        observation_format(o, FACT_KERBEROS_PASSWORD_RESULT, "%u", code);
    }
    observation_num(o, FACT_KERBEROS_PASSWORD_RESULT_CODE, code);
}
