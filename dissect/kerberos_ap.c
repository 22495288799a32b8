/*
 * kerberos_ap.c - the AP exchange inside SPNEGO and GSS-API, kpasswd, or bare: RFC 4120 3.2.
 *
 * One record per AP-REQ. An AP-REP or a KRB-ERROR ends it, and where the service sends neither, the
 * carrier's outcome. The hash in it is of the ends of what is encrypted, where checksums and
 * confounders lie (RFC 3961 5.3, RFC 4757 4): the same AP-REQ on two connections has the same one.
 */
#include "dissect/kerberos.h"

enum { END_OCTETS = 16 };

struct ap {
    struct observation *o; /* NULL: no exchange under way, or a limit bit */
    const char *password;  /* what the password service is asked for; NULL: another service */
};

static void finish(struct dissection *dx, struct ap *s, enum auth_result result, enum dir dir)
{
    static const char *const results[] = {
        [AUTH_UNKNOWN] = "unknown", [AUTH_SUCCESS] = "success", [AUTH_FAILURE] = "failure"};
    if (s->o != NULL) {
        observation_string(s->o, FACT_KERBEROS_RESULT, results[result]);
        dissection_send(dx, s->o, dir);
    }
    s->o = NULL;
}

static uint64_t ends_hash(uint64_t hash, struct bytes cipher)
{
    if (cipher.len <= 2 * END_OCTETS) {
        return bytes_hash(hash, cipher);
    }
    hash = bytes_hash(hash, bytes_slice(cipher, 0, END_OCTETS));
    return bytes_hash(hash, bytes_from(cipher, cipher.len - END_OCTETS));
}

static void state_hash(struct observation *o, const struct kerberos_ap_request *request)
{
    uint64_t hash = ends_hash(BYTES_HASH_START, request->ticket.part.cipher);
    observation_hash(o, FACT_KERBEROS_AP_HASH, ends_hash(hash, request->authenticator.cipher));
}

static bool read_request(struct dissection *dx, struct ap *s, struct bytes message)
{
    struct kerberos_ap_request request;
    dissection_auth(dx)->mechanism = AUTH_KERBEROS;
    dissection_auth(dx)->anonymous = false;
    finish(dx, s, AUTH_UNKNOWN, DIR_CLIENT);
    if (!kerberos_read_ap_request(message, &request)) {
        return false;
    }
    struct observation *o = dissection_begin(dx, RECORD_KERBEROS);
    s->o = o;
    if (o != NULL) {
        observation_string(o, FACT_KERBEROS_EXCHANGE, "ap");
        observation_string(o, FACT_KERBEROS_CARRIER, dissection_carrier(dx));
        observation_utf8(o, FACT_KERBEROS_REALM, request.ticket.realm);
        kerberos_state_name(o, FACT_KERBEROS_SERVICE, request.ticket.service);
        kerberos_state_etype(o, FACT_KERBEROS_TICKET_ETYPE, request.ticket.part.etype);
        kerberos_state_etype(o, FACT_KERBEROS_AUTHENTICATOR_ETYPE, request.authenticator.etype);
        observation_string(o, FACT_KERBEROS_PASSWORD, s->password);
        observation_bool(o, FACT_KERBEROS_MUTUAL, request.mutual);
        state_hash(o, &request);
        observation_stamp(o, FACT_KERBEROS_PACKET, dissection_at(dx));
    }
    return true;
}

static bool read_error(struct dissection *dx, struct ap *s, enum dir dir, struct bytes message)
{
    struct kerberos_error error;
    if (!kerberos_read_error(message, &error)) {
        return false;
    }
    if (s->o != NULL) {
        kerberos_state_error(s->o, error.code);
        if (s->password != NULL) {
            kerberos_state_password_result(s->o, &error);
        } else {
            kerberos_state_error_data(s->o, &error, dissection_details(dx));
        }
        observation_stamp(s->o, FACT_KERBEROS_REPLY_PACKET, dissection_at(dx));
    }
    finish(dx, s, AUTH_FAILURE, dir);
    return true;
}

/* RFC 3244 2: the message in its frame. The answer's version is 1, whatever was asked. */
static struct bytes unframed(struct ap *s, enum dir dir, struct bytes in)
{
    struct kerberos_password framed;
    if (!kerberos_read_password(in, in.len, &framed)) {
        return in;
    }
    if (dir == DIR_CLIENT) {
        s->password = framed.version == KERBEROS_PASSWORD_SET ? "set" : "change";
    }
    return framed.message;
}

static struct fed ap_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct ap *s = state;
    size_t whole = in.len;
    in = unframed(s, dir, in);
    enum probe looks = kerberos_looks(in);
    bool good = looks == PROBE_CLIENT || looks == PROBE_SERVER;
    switch (good ? in.at[0] : 0) {
    case KRB_AP_REQ:
        good = read_request(dx, s, in);
        break;
    case KRB_AP_REP: /* RFC 4120 5.5.2: all but its type is encrypted */
        if (s->o != NULL) {
            observation_stamp(s->o, FACT_KERBEROS_REPLY_PACKET, dissection_at(dx));
        }
        finish(dx, s, AUTH_SUCCESS, dir);
        break;
    case KRB_ERROR:
        good = read_error(dx, s, dir, in);
        break;
    default:
        good = false;
    }
    return good ? fed_ok(whole) : fed_bad();
}

static void ap_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    if (outcome == NULL) {
        finish(dx, state, AUTH_UNKNOWN, DIR_CLIENT);
    } else {
        finish(dx, state, outcome->result, DIR_SERVER);
    }
}

const struct dissector kerberos_ap_dissector = {
    .name = "kerberos",
    .state_size = sizeof(struct ap),
    .feed = ap_feed,
    .end = ap_end,
};
