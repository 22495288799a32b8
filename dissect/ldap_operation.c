/*
 * ldap_operation.c - requests and the answers that end them: one record each.
 */
#include "dissect/ldap.h"

/* RFC 4511 4.14.1 */
static const char starttls_oid[] = "1.3.6.1.4.1.1466.20037";

enum { LDAP_SUCCESS = 0 };

static const struct {
    uint8_t request, answer;
    const char *name;
} operations[] = {
    {LDAP_BIND_REQUEST, LDAP_BIND_RESPONSE, "bind"},
    {LDAP_SEARCH_REQUEST, LDAP_SEARCH_DONE, "search"},
    {LDAP_MODIFY_REQUEST, LDAP_MODIFY_RESPONSE, "modify"},
    {LDAP_ADD_REQUEST, LDAP_ADD_RESPONSE, "add"},
    {LDAP_DELETE_REQUEST, LDAP_DELETE_RESPONSE, "delete"},
    {LDAP_MODIFY_DN_REQUEST, LDAP_MODIFY_DN_RESPONSE, "modify-dn"},
    {LDAP_COMPARE_REQUEST, LDAP_COMPARE_RESPONSE, "compare"},
    {LDAP_EXTENDED_REQUEST, LDAP_EXTENDED_RESPONSE, "extended"},
};

/* RFC 4511 4.1.9 */
static const struct {
    uint8_t code;
    const char *name;
} results[] = {
    {0, "success"},
    {1, "operationsError"},
    {2, "protocolError"},
    {3, "timeLimitExceeded"},
    {4, "sizeLimitExceeded"},
    {5, "compareFalse"},
    {6, "compareTrue"},
    {7, "authMethodNotSupported"},
    {8, "strongerAuthRequired"},
    {10, "referral"},
    {11, "adminLimitExceeded"},
    {12, "unavailableCriticalExtension"},
    {13, "confidentialityRequired"},
    {14, "saslBindInProgress"},
    {16, "noSuchAttribute"},
    {17, "undefinedAttributeType"},
    {18, "inappropriateMatching"},
    {19, "constraintViolation"},
    {20, "attributeOrValueExists"},
    {21, "invalidAttributeSyntax"},
    {32, "noSuchObject"},
    {33, "aliasProblem"},
    {34, "invalidDNSyntax"},
    {36, "aliasDereferencingProblem"},
    {48, "inappropriateAuthentication"},
    {49, "invalidCredentials"},
    {50, "insufficientAccessRights"},
    {51, "busy"},
    {52, "unavailable"},
    {53, "unwillingToPerform"},
    {54, "loopDetect"},
    {64, "namingViolation"},
    {65, "objectClassViolation"},
    {66, "notAllowedOnNonLeaf"},
    {67, "notAllowedOnRDN"},
    {68, "entryAlreadyExists"},
    {69, "objectClassModsProhibited"},
    {71, "affectsMultipleDSAs"},
    {80, "other"},
};

const char *ldap_result_name(int64_t code)
{
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (results[i].code == code) {
            return results[i].name;
        }
    }
    return NULL;
}

const char *ldap_operation_name(uint32_t tag)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i].request == tag || operations[i].answer == tag) {
            return operations[i].name;
        }
    }
    return NULL;
}

static bool is_request(uint32_t tag)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i].request == tag) {
            return true;
        }
    }
    return false;
}

/* ---- requests that wait ---- */

static struct observation *begin(struct dissection *dx, uint32_t tag)
{
    struct observation *o = dissection_begin(dx, RECORD_LDAP);
    if (o != NULL) {
        bool udp = dissection_flow(dx)->protocol == IP_UDP;
        observation_string(o, FACT_LDAP_OPERATION, ldap_operation_name(tag));
        observation_string(o, FACT_LDAP_TRANSPORT, udp ? "udp" : "tcp");
    }
    return o;
}

static void send(struct dissection *dx, struct ldap_request *request, enum dir dir)
{
    observation_stamp(request->draft, FACT_LDAP_REQUEST_PACKET, &request->at);
    dissection_send(dx, request->draft, dir);
    *request = (struct ldap_request){0};
}

static struct ldap_request *find(struct ldap_state *s, int64_t id)
{
    for (size_t i = 0; i < LIMIT_LDAP_REQUESTS; i++) {
        if (s->requests[i].draft != NULL && s->requests[i].id == id) {
            return &s->requests[i];
        }
    }
    return NULL;
}

/* A free slot, or the one that waits longest. */
static struct ldap_request *take(struct dissection *dx, struct ldap_state *s)
{
    struct ldap_request *oldest = &s->requests[0];
    for (size_t i = 0; i < LIMIT_LDAP_REQUESTS; i++) {
        struct ldap_request *request = &s->requests[i];
        if (request->draft == NULL) {
            return request;
        }
        oldest = request->age < oldest->age ? request : oldest;
    }
    dissection_anomaly(dx, "ldap.request_limit");
    send(dx, oldest, DIR_CLIENT);
    return oldest;
}

void ldap_requests_end(struct dissection *dx, struct ldap_state *s)
{
    for (uint64_t age = 0; age < LIMIT_LDAP_REQUESTS; age++) {
        struct ldap_request *oldest = NULL;
        for (size_t i = 0; i < LIMIT_LDAP_REQUESTS; i++) {
            struct ldap_request *request = &s->requests[i];
            if (request->draft != NULL && (oldest == NULL || request->age < oldest->age)) {
                oldest = request;
            }
        }
        if (oldest == NULL) {
            return;
        }
        if (oldest->entries > 0) {
            observation_num(oldest->draft, FACT_LDAP_ENTRIES, oldest->entries);
        }
        send(dx, oldest, DIR_CLIENT);
    }
}

/* ---- requests ---- */

/* RFC 4511 4.5.1 */
static void read_search(struct observation *o, struct cursor *c)
{
    static const char *const scopes[] = {"base", "one", "sub", "children"};
    observation_utf8(o, FACT_LDAP_DN, der_take(c, DER_OCTET_STRING));
    int64_t scope = der_int(c, DER_ENUMERATED);
    if (!c->failed && scope >= 0 && scope < (int64_t)(sizeof scopes / sizeof scopes[0])) {
        observation_string(o, FACT_LDAP_SCOPE, scopes[scope]);
    }
}

static void read_request(struct dissection *dx, struct ldap_state *s, enum dir dir,
                         const struct ldap_message *m)
{
    struct ldap_request *request = find(s, m->id);
    if (request != NULL) { /* the answer was lost, or the client counts anew */
        send(dx, request, dir);
    } else {
        request = take(dx, s);
    }
    *request = (struct ldap_request){
        .draft = begin(dx, m->tag), .id = m->id, .age = ++s->clock, .at = *dissection_at(dx)};
    struct observation *o = request->draft;
    if (o == NULL || m->body.len == 0) {
        return;
    }
    struct cursor c = cursor_of(m->body);
    switch (m->tag) {
    case LDAP_BIND_REQUEST:
        ldap_bind_request(dx, s, request, m->body, dir);
        break;
    case LDAP_SEARCH_REQUEST:
        read_search(o, &c);
        break;
    case LDAP_DELETE_REQUEST: /* RFC 4511 4.8: the name is all of it */
        observation_utf8(o, FACT_LDAP_DN, m->body);
        break;
    case LDAP_EXTENDED_REQUEST: /* RFC 4511 4.12 */
        request->starttls = bytes_is(der_take(&c, 0x80), starttls_oid, sizeof starttls_oid - 1);
        break;
    default: /* RFC 4511 4.6, 4.7, 4.9, 4.10: the entry comes first */
        observation_utf8(o, FACT_LDAP_DN, der_take(&c, DER_OCTET_STRING));
        break;
    }
}

/* ---- answers ---- */

/* RFC 4511 4.1.9, 4.2.2 */
static struct ldap_result read_result(struct bytes body)
{
    struct cursor c = cursor_of(body);
    struct ldap_result r = {.code = der_int(&c, DER_ENUMERATED)};
    r.matched = der_take(&c, DER_OCTET_STRING);
    (void)der_take(&c, DER_OCTET_STRING);
    r.failed = c.failed;
    (void)der_option(&c, 0xa3);
    r.credentials = der_option(&c, 0x87).rest;
    return r;
}

static void state_result(struct observation *o, const struct ldap_result *result)
{
    const char *name = ldap_result_name(result->code);
    if (name != NULL) {
        observation_string(o, FACT_LDAP_RESULT, name);
    } else {
        observation_format(o, FACT_LDAP_RESULT, "%lld", (long long)result->code);
    }
    observation_num(o, FACT_LDAP_RESULT_CODE, (uint64_t)result->code);
}

static bool read_answer(struct dissection *dx, struct ldap_state *s, enum dir dir,
                        const struct ldap_message *m)
{
    struct ldap_request alone = {0};
    struct ldap_request *request = find(s, m->id);
    struct ldap_result result = read_result(m->body);
    if (request == NULL) {
        alone.draft = begin(dx, m->tag);
        request = &alone;
    }
    bool starttls = request->starttls && !result.failed && result.code == LDAP_SUCCESS;
    if (m->tag == LDAP_BIND_RESPONSE) {
        ldap_bind_response(dx, s, request->bind, &result, dir);
    }
    struct observation *o = request->draft;
    if (o == NULL) {
        return false;
    }
    if (result.failed || result.code < 0) {
        dissection_anomaly(dx, "ldap.bad_result");
    } else {
        state_result(o, &result);
    }
    if (m->tag == LDAP_SEARCH_DONE && request != &alone) {
        observation_num(o, FACT_LDAP_ENTRIES, request->entries);
    }
    if (starttls) {
        observation_bool(o, FACT_LDAP_STARTTLS, true);
    }
    observation_stamp(o, FACT_LDAP_RESPONSE_PACKET, dissection_at(dx));
    send(dx, request, dir);
    return starttls;
}

bool ldap_message_read(struct dissection *dx, struct ldap_state *s, enum dir dir,
                       const struct ldap_message *m)
{
    if (m->tag == LDAP_SEARCH_ENTRY) {
        struct ldap_request *request = find(s, m->id);
        if (request != NULL) {
            request->entries++;
        }
        return false;
    }
    if (is_request(m->tag)) {
        read_request(dx, s, dir, m);
        return false;
    }
    return ldap_operation_name(m->tag) != NULL && read_answer(dx, s, dir, m);
}
