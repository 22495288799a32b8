/*
 * ldap_operation.c - requests and the answers that end them: one record each.
 */
#include "dissect/ldap.h"

#include <strings.h>

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
    {LDAP_UNBIND_REQUEST, LDAP_UNBIND_REQUEST, "unbind"}, /* nothing answers it */
};

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

static void state_protection(struct observation *o, enum ldap_protection protection)
{
    static const char *const names[] = {
        [LDAP_NONE] = "none", [LDAP_SIGN] = "sign", [LDAP_SEAL] = "seal"};
    if (observation_get(o, FACT_LDAP_PROTECTION) == NULL) {
        observation_string(o, FACT_LDAP_PROTECTION, names[protection]);
    }
}

static struct observation *begin(struct dissection *dx, const struct ldap_state *s, uint32_t tag)
{
    struct observation *o = dissection_begin(dx, RECORD_LDAP);
    if (o != NULL) {
        bool udp = dissection_flow(dx)->protocol == IP_UDP;
        bool bind = tag == LDAP_BIND_REQUEST || tag == LDAP_BIND_RESPONSE;
        observation_string(o, FACT_LDAP_OPERATION, ldap_operation_name(tag));
        observation_string(o, FACT_LDAP_TRANSPORT, udp ? "udp" : "tcp");
        if (!bind && (s->bound || s->protection != LDAP_NONE)) {
            state_protection(o, s->protection);
        }
    }
    return o;
}

static void send(struct dissection *dx, struct ldap_request *request, enum dir dir)
{
    dissection_send(dx, request->draft, dir);
    *request = (struct ldap_request){0};
}

void ldap_protection_seen(struct dissection *dx, struct ldap_state *s,
                          enum ldap_protection protection)
{
    if (s->settled != NULL) {
        state_protection(s->settled, protection);
        dissection_send(dx, s->settled, DIR_SERVER);
        s->settled = NULL;
    } else if (!s->bound && protection != LDAP_NONE) {
        /* The answer to the bind was not captured, and yet it went well. */
        for (size_t i = 0; i < s->room; i++) {
            if (s->requests[i].draft != NULL && s->requests[i].bind == LDAP_BIND_SASL) {
                state_protection(s->requests[i].draft, protection);
            }
        }
        s->bound = true;
    }
}

static struct ldap_request *find(struct ldap_state *s, int64_t id)
{
    for (size_t i = 0; i < s->room; i++) {
        if (s->requests[i].draft != NULL && s->requests[i].id == id) {
            return &s->requests[i];
        }
    }
    return NULL;
}

/* A free slot of a larger table, or NULL. */
static struct ldap_request *grow(struct dissection *dx, struct ldap_state *s)
{
    enum { FIRST = 4 };
    unsigned room = s->room == 0 ? FIRST : LIMIT_LDAP_REQUESTS;
    struct ldap_request *grown = s->room == LIMIT_LDAP_REQUESTS
                                     ? NULL
                                     : arena_alloc(dissection_arena(dx), room * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < s->room; i++) {
        grown[i] = s->requests[i];
    }
    struct ldap_request *first_free = &grown[s->room];
    s->requests = grown;
    s->room = room;
    return first_free;
}

/* A free slot, if need be that of the one that waits longest; NULL: out of memory. */
static struct ldap_request *take(struct dissection *dx, struct ldap_state *s)
{
    struct ldap_request *oldest = NULL;
    for (size_t i = 0; i < s->room; i++) {
        struct ldap_request *request = &s->requests[i];
        if (request->draft == NULL) {
            return request;
        }
        oldest = oldest == NULL || request->age < oldest->age ? request : oldest;
    }
    struct ldap_request *fresh = grow(dx, s);
    if (fresh != NULL || oldest == NULL) {
        return fresh;
    }
    dissection_anomaly(dx, "ldap.request_limit");
    send(dx, oldest, DIR_CLIENT);
    return oldest;
}

bool ldap_requests_wait(const struct ldap_state *s)
{
    for (size_t i = 0; i < s->room; i++) {
        if (s->requests[i].draft != NULL) {
            return true;
        }
    }
    return false;
}

void ldap_requests_end(struct dissection *dx, struct ldap_state *s)
{
    if (s->settled != NULL) {
        dissection_send(dx, s->settled, DIR_SERVER);
        s->settled = NULL;
    }
    for (uint64_t age = 0; age < s->room; age++) {
        struct ldap_request *oldest = NULL;
        for (size_t i = 0; i < s->room; i++) {
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

/* Names in a list, each either a string or the first element of a SEQUENCE. */
static void state_names(struct observation *o, enum fact_id id, struct cursor list, uint32_t tag)
{
    for (unsigned n = 0; list.rest.len > 0 && n < LIMIT_LDAP_NAMES; n++) {
        struct bytes name = der_take(&list, tag);
        if (tag == DER_SEQUENCE) {
            struct cursor inside = cursor_of(name);
            name = der_take(&inside, DER_OCTET_STRING);
        }
        observation_utf8(o, id, name);
    }
}

/* Searches whose filter and attributes an audit asks for: those that speak of Configuration Manager
 * by its schema, its container or its name. */
static bool speaks_of_product(struct bytes search)
{
    static const char *const words[] = {"mssms", "sccm", "mecm", "configmgr", "system management"};
    for (size_t i = 0; i + 4 <= search.len; i++) {
        char first = (char)(search.at[i] | 0x20), second = (char)(search.at[i + 1] | 0x20);
        if (first != 'm' && first != 's' && first != 'c') {
            continue;
        }
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
            size_t len = strlen(words[w]);
            if (first == words[w][0] && second == words[w][1] && len <= search.len - i &&
                strncasecmp((const char *)search.at + i, words[w], len) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* RFC 4511 4.5.1 */
static void read_search(struct dissection *dx, struct ldap_request *request, struct cursor *c)
{
    struct observation *o = request->draft;
    struct bytes search = c->rest;
    static const char *const scopes[] = {"base", "one", "sub", "children"};
    observation_utf8(o, FACT_LDAP_DN, der_take(c, DER_OCTET_STRING));
    int64_t scope = der_int(c, DER_ENUMERATED);
    if (!c->failed && scope >= 0 && scope < (int64_t)(sizeof scopes / sizeof scopes[0])) {
        observation_string(o, FACT_LDAP_SCOPE, scopes[scope]);
    }
    request->of_product = speaks_of_product(search);
    if (!dissection_details(dx) && !request->of_product) {
        return;
    }
    (void)der_int(c, DER_ENUMERATED); /* derefAliases, sizeLimit, timeLimit, typesOnly */
    (void)der_int(c, DER_INTEGER);
    (void)der_int(c, DER_INTEGER);
    (void)der_bool(c, DER_BOOLEAN);
    if (!ldap_filter_state(o, c)) {
        dissection_anomaly(dx, "ldap.bad_filter");
        return;
    }
    state_names(o, FACT_LDAP_ATTRIBUTES, der_open(c, DER_SEQUENCE), DER_OCTET_STRING);
}

/* RFC 4511 4.6 */
static void read_changes(struct observation *o, struct cursor list)
{
    static const char *const kinds[] = {"add", "delete", "replace", "increment"};
    for (unsigned n = 0; list.rest.len > 0 && n < LIMIT_LDAP_NAMES; n++) {
        struct cursor change = der_open(&list, DER_SEQUENCE);
        int64_t kind = der_int(&change, DER_ENUMERATED);
        struct cursor attribute = der_open(&change, DER_SEQUENCE);
        struct bytes type = der_take(&attribute, DER_OCTET_STRING);
        if (type.len > 0 && kind >= 0 && kind < (int64_t)(sizeof kinds / sizeof kinds[0])) {
            observation_format(o, FACT_LDAP_CHANGES, "%s:%.*s", kinds[kind],
                               type.len < LIMIT_TEXT ? (int)type.len : LIMIT_TEXT,
                               (const char *)type.at);
        }
    }
}

/* RFC 4511 4.9: newrdn, deleteoldrdn, newSuperior [0] */
static void read_new_name(struct observation *o, struct cursor *c)
{
    struct bytes name = der_take(c, DER_OCTET_STRING);
    (void)der_bool(c, DER_BOOLEAN);
    struct bytes parent = der_option(c, 0x80).rest;
    if (parent.len == 0) {
        observation_utf8(o, FACT_LDAP_NEW_DN, name);
        return;
    }
    uint8_t joined[LIMIT_TEXT + 8];
    size_t len = name.len < LIMIT_TEXT ? name.len : LIMIT_TEXT;
    size_t more = sizeof joined - len - 1;
    more = parent.len < more ? parent.len : more;
    memcpy(joined, name.at, len);
    joined[len] = ',';
    memcpy(joined + len + 1, parent.at, more);
    observation_utf8(o, FACT_LDAP_NEW_DN, bytes_of(joined, len + 1 + more));
}

/* RFC 4511 4.6, 4.7, 4.9, 4.10: the entry comes first. */
static void read_entry(struct dissection *dx, struct observation *o, uint32_t tag, struct cursor *c)
{
    observation_utf8(o, FACT_LDAP_DN, der_take(c, DER_OCTET_STRING));
    if (c->failed || !dissection_details(dx)) {
        return;
    }
    struct cursor inside;
    switch (tag) {
    case LDAP_MODIFY_REQUEST:
        read_changes(o, der_open(c, DER_SEQUENCE));
        break;
    case LDAP_ADD_REQUEST:
        state_names(o, FACT_LDAP_ATTRIBUTES, der_open(c, DER_SEQUENCE), DER_SEQUENCE);
        break;
    case LDAP_MODIFY_DN_REQUEST:
        read_new_name(o, c);
        break;
    default: /* a comparison */
        inside = der_open(c, DER_SEQUENCE);
        observation_utf8(o, FACT_LDAP_ATTRIBUTES, der_take(&inside, DER_OCTET_STRING));
        break;
    }
}

/* RFC 4511 4.1.11: [0] SEQUENCE OF SEQUENCE { controlType, criticality, controlValue } */
static void read_controls(struct observation *o, struct bytes controls)
{
    static const char paged[] = "1.2.840.113556.1.4.319"; /* RFC 2696 2 */
    struct cursor c = cursor_of(controls);
    struct cursor list = der_option(&c, DER_CONTEXT);
    for (unsigned n = 0; list.rest.len > 0 && n < LIMIT_LDAP_NAMES; n++) {
        struct cursor control = der_open(&list, DER_SEQUENCE);
        struct bytes type = der_take(&control, DER_OCTET_STRING);
        (void)der_option(&control, DER_BOOLEAN);
        struct cursor value = der_option(&control, DER_OCTET_STRING);
        observation_utf8(o, FACT_LDAP_CONTROLS, type);
        if (bytes_is(type, paged, sizeof paged - 1)) {
            struct cursor page = der_open(&value, DER_SEQUENCE);
            int64_t size = der_int(&page, DER_INTEGER);
            if (!page.failed && size >= 0) {
                observation_num(o, FACT_LDAP_PAGE_SIZE, (uint64_t)size);
            }
        }
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
    if (request == NULL) {
        return;
    }
    *request = (struct ldap_request){.draft = begin(dx, s, m->tag), .id = m->id, .age = ++s->clock};
    struct observation *o = request->draft;
    if (o == NULL) {
        return;
    }
    observation_stamp(o, FACT_LDAP_REQUEST_PACKET, dissection_at(dx));
    if (m->body.len == 0) {
        return;
    }
    struct cursor c = cursor_of(m->body);
    struct bytes oid;
    switch (m->tag) {
    case LDAP_BIND_REQUEST:
        ldap_bind_request(dx, s, request, m->body, dir);
        break;
    case LDAP_SEARCH_REQUEST:
        read_search(dx, request, &c);
        break;
    case LDAP_DELETE_REQUEST: /* RFC 4511 4.8: the name is all of it */
        observation_utf8(o, FACT_LDAP_DN, m->body);
        break;
    case LDAP_EXTENDED_REQUEST: /* RFC 4511 4.12 */
        oid = der_take(&c, 0x80);
        observation_utf8(o, FACT_LDAP_OID, oid);
        request->starttls = bytes_is(oid, starttls_oid, sizeof starttls_oid - 1);
        break;
    default:
        read_entry(dx, o, m->tag, &c);
        break;
    }
    if (m->controls.len > 0 && dissection_details(dx)) {
        read_controls(o, m->controls);
    }
}

/* RFC 4511 4.3. The server sends nothing more but what is under way. */
static enum ldap_next read_unbind(struct dissection *dx, struct ldap_state *s, enum dir dir)
{
    struct observation *o = begin(dx, s, LDAP_UNBIND_REQUEST);
    if (o != NULL) {
        observation_stamp(o, FACT_LDAP_REQUEST_PACKET, dissection_at(dx));
        dissection_send(dx, o, dir);
    }
    return ldap_requests_wait(s) ? LDAP_LAST_ANSWERS : LDAP_OVER;
}

/* RFC 4511 4.11: the content is the number of the request. */
static void read_abandon(struct dissection *dx, struct ldap_state *s, enum dir dir,
                         struct bytes number)
{
    int64_t id = 0;
    for (size_t i = 0; i < number.len && i < 4; i++) {
        id = id << 8 | number.at[i];
    }
    struct ldap_request *request = find(s, id);
    if (request != NULL) {
        observation_bool(request->draft, FACT_LDAP_ABANDONED, true);
        send(dx, request, dir);
    }
}

/* ---- answers ---- */

/* A bind that may have brought a security layer waits for what comes next. */
static void settle(struct dissection *dx, struct ldap_state *s, struct ldap_request *request,
                   enum dir dir)
{
    s->bound = true;
    if (request->bind == LDAP_BIND_PLAIN) {
        state_protection(request->draft, LDAP_NONE);
        send(dx, request, dir);
        return;
    }
    s->settled = request->draft;
    s->settled->at = *dissection_at(dx);
    *request = (struct ldap_request){0};
}

static bool read_answer(struct dissection *dx, struct ldap_state *s, enum dir dir,
                        const struct ldap_message *m)
{
    struct ldap_request alone = {0};
    struct ldap_request *request = find(s, m->id);
    struct ldap_result result = ldap_result_read(m->body);
    if (request == NULL) {
        alone.draft = begin(dx, s, m->tag);
        request = &alone;
    }
    bool starttls = request->starttls && !result.failed && result.code == LDAP_SUCCESS;
    bool bound = m->tag == LDAP_BIND_RESPONSE &&
                 ldap_bind_response(dx, s, request->bind, &result, dir) && request != &alone;
    struct observation *o = request->draft;
    if (o == NULL) {
        return false;
    }
    if (result.failed || result.code < 0) {
        dissection_anomaly(dx, "ldap.bad_result");
    } else {
        ldap_result_state(o, &result);
        (void)ldap_referral_state(o, result.referral, request->referrals);
    }
    if (m->tag == LDAP_SEARCH_DONE && request != &alone) {
        observation_num(o, FACT_LDAP_ENTRIES, request->entries);
    }
    if (request == &alone) {
        observation_utf8(o, FACT_LDAP_OID, result.name);
    }
    if (starttls) {
        observation_bool(o, FACT_LDAP_STARTTLS, true);
        observation_string(o, FACT_LDAP_PROTECTION, "tls");
    }
    observation_stamp(o, FACT_LDAP_RESPONSE_PACKET, dissection_at(dx));
    if (bound) {
        settle(dx, s, request, dir);
    } else {
        send(dx, request, dir);
    }
    return starttls;
}

/* [MS-ADTS] 6.3.1.9: NETLOGON_SAM_LOGON_RESPONSE_EX begins with opcode, Sbz and Flags, which
 * 6.3.1.2 names. */
static void state_netlogon(struct observation *o, struct bytes value)
{
    enum { LOGON_SAM_LOGON_RESPONSE_EX = 0x17, LOGON_SAM_USER_UNKNOWN_EX = 0x19 };
    static const char *const flags[] = {
        "pdc",     NULL,       "gc",        "ldap", "ds",        "kdc",         "timeserv",
        "closest", "writable", "gtimeserv", "ndnc", "read-only", "full-secret", "ads-web-services"};
    struct cursor c = cursor_of(value);
    uint16_t opcode = cursor_le16(&c);
    (void)cursor_le16(&c);
    uint32_t set = cursor_le32(&c);
    bool known = opcode == LOGON_SAM_LOGON_RESPONSE_EX || opcode == LOGON_SAM_USER_UNKNOWN_EX;
    for (size_t i = 0; known && !c.failed && i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i] != NULL && (set >> i & 1) != 0) {
            observation_string(o, FACT_LDAP_NETLOGON, flags[i]);
        }
    }
}

/* RFC 4511 4.5.2: objectName, then a SEQUENCE OF PartialAttribute. Pings of domain controllers find
 * an entry without a name ([MS-ADTS] 6.3.3.2). */
static void read_found(struct dissection *dx, const struct ldap_request *request,
                       struct bytes entry)
{
    struct cursor c = cursor_of(entry);
    struct bytes name = der_take(&c, DER_OCTET_STRING);
    if (c.failed) {
        return;
    }
    if (name.len > 0) {
        if ((request->of_product || dissection_details(dx)) &&
            request->entries < LIMIT_LDAP_FOUND) {
            observation_utf8(request->draft, FACT_LDAP_FOUND, name);
        }
        return;
    }
    struct cursor list = der_open(&c, DER_SEQUENCE);
    struct cursor attribute = der_open(&list, DER_SEQUENCE);
    struct bytes type = der_take(&attribute, DER_OCTET_STRING);
    struct cursor values = der_open(&attribute, DER_SET);
    struct bytes value = der_take(&values, DER_OCTET_STRING);
    if (!values.failed && request->entries == 0 && type.len == 8 &&
        strncasecmp((const char *)type.at, "netlogon", 8) == 0) {
        state_netlogon(request->draft, value);
    }
}

bool ldap_entry_is_sought(const struct dissection *dx, struct ldap_state *s, int64_t id)
{
    const struct ldap_request *request = find(s, id);
    bool ping = dissection_flow(dx)->protocol == IP_UDP;
    return request != NULL && request->entries < LIMIT_LDAP_FOUND &&
           (ping || request->of_product || dissection_details(dx));
}

/* RFC 4511 4.5.2, 4.5.3: what comes of a search before its end. */
static void read_partial(struct dissection *dx, struct ldap_state *s, const struct ldap_message *m)
{
    struct ldap_request *request = find(s, m->id);
    if (request != NULL && m->tag == LDAP_SEARCH_ENTRY) {
        read_found(dx, request, m->body);
        request->entries++;
    } else if (request != NULL) {
        request->referrals = ldap_referral_state(request->draft, m->body, request->referrals);
    }
}

enum ldap_next ldap_message_read(struct dissection *dx, struct ldap_state *s, enum dir dir,
                                 const struct ldap_message *m)
{
    switch (m->tag) {
    case LDAP_SEARCH_ENTRY:
    case LDAP_SEARCH_REFERENCE:
        read_partial(dx, s, m);
        return LDAP_MORE;
    case LDAP_ABANDON_REQUEST:
        read_abandon(dx, s, dir, m->body);
        return LDAP_MORE;
    case LDAP_UNBIND_REQUEST:
        return read_unbind(dx, s, dir);
    default:
        break;
    }
    if (is_request(m->tag)) {
        read_request(dx, s, dir, m);
        return LDAP_MORE;
    }
    bool tls = ldap_operation_name(m->tag) != NULL && read_answer(dx, s, dir, m);
    return tls ? LDAP_TLS : LDAP_MORE;
}
