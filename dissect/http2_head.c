#include "dissect/http2_head.h"

#include "capture/limits.h"
#include "dissect/http_auth.h"
#include "dissect/http_text.h"

enum field {
    FIELD_METHOD,
    FIELD_AUTHORITY,
    FIELD_PATH,
    FIELD_USER_AGENT,
    FIELD_AUTHORIZATION,
    FIELD_PROXY_AUTHORIZATION,
    FIELD_SOAP_ACTION,
    FIELD_STATUS,
    FIELD_SERVER,
    FIELD_LOCATION,
    FIELD_AUTHENTICATE,
    FIELD_CONTENT_TYPE,
    FIELD_OTHER,
};

static const struct {
    const char *name;
    enum field id;
    bool request, reply; /* where it means something */
} fields[] = {
    {":method", FIELD_METHOD, true, false},
    {":authority", FIELD_AUTHORITY, true, false},
    {"host", FIELD_AUTHORITY, true, false}, /* RFC 9113 8.3.1: what a gateway may send instead */
    {":path", FIELD_PATH, true, false},
    {"user-agent", FIELD_USER_AGENT, true, false},
    {"authorization", FIELD_AUTHORIZATION, true, false},
    {"proxy-authorization", FIELD_PROXY_AUTHORIZATION, true, false},
    {"soapaction", FIELD_SOAP_ACTION, true, false},
    {":status", FIELD_STATUS, false, true},
    {"server", FIELD_SERVER, false, true},
    {"location", FIELD_LOCATION, false, true},
    {"www-authenticate", FIELD_AUTHENTICATE, false, true},
    {"proxy-authenticate", FIELD_AUTHENTICATE, false, true},
    {"content-type", FIELD_CONTENT_TYPE, true, true},
};

static enum field find_field(const struct http2_head *head, struct bytes name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if ((head->reply ? fields[i].reply : fields[i].request) &&
            bytes_is(name, fields[i].name, strlen(fields[i].name))) {
            return fields[i].id;
        }
    }
    return FIELD_OTHER;
}

/* RFC 9113 8.3.2: three digits. An interim reply is a record of its own, as in http.c. */
static void read_status(struct http2_head *head, struct bytes value)
{
    unsigned status = 0;
    for (size_t i = 0; i < value.len && i < 3; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            return;
        }
        status = status * 10 + (unsigned)(value.at[i] - '0');
    }
    if (value.len != 3 || head->status != 0) {
        return;
    }
    head->status = status;
    if (status < 200) {
        head->o = dissection_begin(head->dx, RECORD_HTTP);
        if (head->o != NULL) {
            observation_string(head->o, FACT_HTTP_VERSION, "HTTP/2");
        }
    }
    if (head->o != NULL) {
        observation_num(head->o, FACT_HTTP_STATUS, status);
    }
}

static void state_once(struct observation *o, enum fact_id id, struct bytes value)
{
    if (observation_get(o, id) == NULL) {
        http_state(o, id, value);
    }
}

static void state_request_field(struct http2_head *head, enum field id, struct bytes value)
{
    struct observation *o = head->o;
    if (id == FIELD_METHOD) {
        head->connect = bytes_is(value, "CONNECT", 7);
        state_once(o, FACT_HTTP_METHOD, value);
    } else if (id == FIELD_AUTHORITY) {
        state_once(o, FACT_HTTP_HOST, value);
        dissection_host_name(head->dx, value);
    } else if (id == FIELD_PATH) {
        state_once(o, FACT_HTTP_URI, value);
    } else if (id == FIELD_USER_AGENT) {
        state_once(o, FACT_HTTP_USER_AGENT, value);
    } else if (id == FIELD_SOAP_ACTION) {
        state_once(o, FACT_HTTP_SOAP_ACTION, value);
    } else if (observation_get(o, FACT_HTTP_AUTH) == NULL) {
        (void)http_auth_credentials(o, value);
        if (id == FIELD_PROXY_AUTHORIZATION) {
            observation_bool(o, FACT_HTTP_PROXY_AUTH, true);
        }
    }
}

static void state_reply_field(struct http2_head *head, enum field id, struct bytes value)
{
    if (id == FIELD_SERVER) {
        state_once(head->o, FACT_HTTP_SERVER, value);
    } else if (id == FIELD_LOCATION && head->status / 100 == 3) {
        http_state_uri(head->o, FACT_HTTP_LOCATION, value);
    } else if (id == FIELD_AUTHENTICATE) {
        (void)http_auth_challenge(head->o, value);
    }
}

void http2_head_field(void *head_, struct bytes name, struct bytes value)
{
    struct http2_head *head = head_;
    head->octets += name.len + value.len;
    if (++head->fields > LIMIT_HTTP2_FIELDS || head->octets > LIMIT_HTTP2_FIELD_OCTETS) {
        head->too_long = true;
        return;
    }
    enum field id = find_field(head, name);
    if (id == FIELD_STATUS) {
        read_status(head, value);
    } else if (id == FIELD_CONTENT_TYPE) {
        head->type_len = (uint8_t)(value.len < sizeof(head->type) ? value.len : sizeof(head->type));
        if (value.len > 0) {
            memcpy(head->type, value.at, head->type_len);
        }
    } else if (id != FIELD_OTHER && head->o != NULL) {
        (head->reply ? state_reply_field : state_request_field)(head, id, value);
    }
}
