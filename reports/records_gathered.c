/*
 * records_gathered.c - hosts, conversations and the time line as records.
 */
#include "reports/records_report.h"

/* ---- hosts ---- */

static void add_tally(struct json *j, const char *key, const struct tally *t)
{
    if (t->count == 0) {
        return;
    }
    json_open(j, key, '{');
    for (unsigned i = 0; i < t->count; i++) {
        json_key(j, bytes_text(t->rows[i].name));
        json_number(j, NULL, t->rows[i].count);
    }
    json_close(j, '}');
}

static void add_smb(struct json *j, const struct posture *p)
{
    if (p->smb_dialects.count == 0 && p->smb_sessions == 0) {
        return;
    }
    json_open(j, "smb", '{');
    add_tally(j, "dialects", &p->smb_dialects);
    add_tally(j, "signing", &p->smb_signing);
    json_number(j, "sessions", p->smb_sessions);
    json_number(j, "encrypted", p->smb_encrypted);
    json_close(j, '}');
}

static void add_certificates(struct json *j, const struct posture *p)
{
    if (p->certificate_count == 0) {
        return;
    }
    json_open(j, "certificates", '[');
    for (unsigned i = 0; i < p->certificate_count; i++) {
        const struct gathered_certificate *c = &p->certificates[i];
        json_open(j, NULL, '{');
        json_text(j, "subject", c->subject);
        json_text(j, "issuer", c->issuer);
        if (c->not_after != INT64_MIN) {
            json_time(j, "not_after", c->not_after, 0);
        }
        json_hex(j, "sha256", bytes_of(c->sha256, sizeof c->sha256));
        json_text(j, "key", c->key);
        json_truth(j, "self_signed", c->self_signed);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void add_tls(struct json *j, const struct posture *p)
{
    if (p->tls_versions.count == 0 && p->tls_ciphers.count == 0 && p->certificate_count == 0) {
        return;
    }
    json_open(j, "tls", '{');
    add_tally(j, "versions", &p->tls_versions);
    add_tally(j, "ciphers", &p->tls_ciphers);
    add_certificates(j, p);
    json_close(j, '}');
}

static void add_ldap(struct json *j, const struct posture *p)
{
    static const char *const names[LDAP_PROTECTIONS] = {"plain", "signed", "sealed", "tls"};
    uint64_t all = p->ldap_simple_binds;
    for (unsigned i = 0; i < LDAP_PROTECTIONS; i++) {
        all += p->ldap[i];
    }
    if (all == 0) {
        return;
    }
    json_open(j, "ldap", '{');
    for (unsigned i = 0; i < LDAP_PROTECTIONS; i++) {
        json_number(j, names[i], p->ldap[i]);
    }
    json_number(j, "simple_binds", p->ldap_simple_binds);
    json_close(j, '}');
}

static void add_sql(struct json *j, const struct posture *p)
{
    if (p->sql_encryption.count == 0 && p->sql_logins.count == 0) {
        return;
    }
    json_open(j, "sql", '{');
    add_tally(j, "encryption", &p->sql_encryption);
    add_tally(j, "logins", &p->sql_logins);
    json_close(j, '}');
}

static void add_logons(struct json *j, const char *key, const uint64_t roles[2],
                       const char *names_key, const struct tally *names)
{
    if (roles[DIR_CLIENT] + roles[DIR_SERVER] == 0) {
        return;
    }
    json_open(j, key, '{');
    json_number(j, "as_client", roles[DIR_CLIENT]);
    json_number(j, "as_server", roles[DIR_SERVER]);
    add_tally(j, names_key, names);
    json_close(j, '}');
}

static void add_posture(struct json *j, const struct posture *p)
{
    json_open(j, "posture", '{');
    add_smb(j, p);
    add_tls(j, p);
    add_ldap(j, p);
    add_sql(j, p);
    add_logons(j, "ntlm", p->ntlm, "variants", &p->ntlm_variants);
    add_logons(j, "kerberos", p->kerberos, "etypes", &p->kerberos_etypes);
    if (p->http_clear + p->http_tls > 0) {
        json_open(j, "http", '{');
        json_number(j, "clear", p->http_clear);
        json_number(j, "tls", p->http_tls);
        json_close(j, '}');
    }
    json_close(j, '}');
}

/* Name and addresses, as the policy declares them or as they were met. */
static void add_identity(struct json *j, const struct results *r, const struct gathered_host *h)
{
    char text[ADDRESS_TEXT];
    const struct host *declared = h->declared;
    const struct learned_name *learned =
        declared != NULL ? NULL : identity_names(audit_identity(r->audit), &h->address);
    json_text(j, "name",
              declared != NULL  ? declared->name
              : learned != NULL ? learned->name
                                : address_format(&h->address, text));
    json_open(j, "ips", '[');
    for (unsigned i = 0; declared != NULL && i < declared->address_count; i++) {
        json_text(j, NULL, address_format(&declared->addresses[i], text));
    }
    if (declared == NULL) {
        json_text(j, NULL, address_format(&h->address, text));
    }
    json_close(j, ']');
    json_truth(j, "declared", declared != NULL);
    if (learned != NULL) {
        json_text(j, "learned_from", name_source_text(learned->source));
    }
}

static void add_place(struct json *j, const struct policy *p, const struct gathered_host *h)
{
    const struct host *declared = h->declared;
    const struct client_group *group = declared != NULL ? NULL : policy_group(p, &h->address);
    const struct forest *forest = declared != NULL ? declared->forest
                                  : group != NULL  ? group->forest
                                                   : NULL;
    bool placed = declared == NULL || declared->address_count > 0;
    json_open(j, "roles", '[');
    for (unsigned i = 0; declared != NULL && i < declared->role_count; i++) {
        json_text(j, NULL, role_name(declared->roles[i].role));
    }
    json_close(j, ']');
    json_text(j, "site", declared == NULL || declared->site == NULL ? NULL : declared->site->code);
    json_text(j, "forest", forest == NULL ? NULL : forest->name);
    json_text(j, "zone", placed ? policy_zone(p, &h->address)->name : NULL);
    json_text(j, "group", group == NULL ? NULL : group->name);
}

static void record_host(struct output *out, const struct results *r, const struct gathered_host *h)
{
    struct json j = record_begin(out, "host");
    add_identity(&j, r, h);
    add_place(&j, r->names->policy, h);
    if (h->flows > 0) {
        json_time(&j, "first", h->first_ns, r->run->precision);
        json_time(&j, "last", h->last_ns, r->run->precision);
    }
    json_number(&j, "flows", h->flows);
    json_number(&j, "bytes_sent", h->sent);
    json_number(&j, "bytes_received", h->received);
    json_number(&j, "findings", h->findings);
    if (h->findings > 0) {
        json_text(&j, "worst", severity_name(h->worst));
    }
    add_posture(&j, &h->posture);
    record_end(&j);
}

/* ---- conversations ---- */

static void record_conversation(struct output *out, const struct results *r,
                                const struct gathered_conversation *c)
{
    char text[ADDRESS_TEXT], transport[8];
    struct json j = record_begin(out, "conversation");
    json_open(&j, "client", '{');
    json_text(&j, "ip", c->client_group != NULL ? NULL : address_format(&c->client, text));
    json_text(&j, "name", c->client_host == NULL ? NULL : c->client_host->name);
    json_text(&j, "group", c->client_group == NULL ? NULL : c->client_group->name);
    json_close(&j, '}');
    json_open(&j, "server", '{');
    json_text(&j, "ip", address_format(&c->server, text));
    json_text(&j, "name", c->server_host == NULL ? NULL : c->server_host->name);
    json_close(&j, '}');
    json_text(&j, "protocol", c->protocol);
    json_text(&j, "transport", flow_protocol_name(c->transport, transport));
    json_number(&j, "port", c->port);
    json_number(&j, "flows", c->flows);
    json_number(&j, "bytes", c->bytes);
    json_time(&j, "first", c->first_ns, r->run->precision);
    json_time(&j, "last", c->last_ns, r->run->precision);
    json_number(&j, "unanswered", c->unanswered);
    record_end(&j);
}

/* ---- the time line ---- */

static bool bucket_is_empty(const struct traffic *t, unsigned bucket)
{
    for (unsigned p = 0; p < t->protocol_count; p++) {
        if (t->counts[p][bucket].flows + t->counts[p][bucket].bytes > 0) {
            return false;
        }
    }
    return true;
}

static void record_bucket(struct output *out, const struct traffic *t, unsigned bucket)
{
    const int64_t second = INT64_C(1000000000), low = INT64_MIN / second;
    int64_t start = (t->first + (int64_t)bucket) * t->seconds;
    struct json j = record_begin(out, "traffic");
    /* A bucket may begin before the first moment that 64 bits of ns can tell. */
    json_time(&j, "start", (start < low ? low : start) * second, 0);
    json_number(&j, "seconds", (uint64_t)t->seconds);
    json_open(&j, "protocols", '{');
    for (unsigned p = 0; p < t->protocol_count; p++) {
        const struct traffic_count *c = &t->counts[p][bucket];
        if (c->flows + c->bytes > 0) {
            json_key(&j, bytes_text(t->protocols[p]));
            json_open(&j, NULL, '{');
            json_number(&j, "flows", c->flows);
            json_number(&j, "bytes", c->bytes);
            json_close(&j, '}');
        }
    }
    json_close(&j, '}');
    record_end(&j);
}

void record_gathering(struct output *out, const struct results *r)
{
    size_t count = 0;
    const struct gathered_host *const *hosts = gathering_hosts(r->gathering, &count);
    for (size_t i = 0; i < count; i++) {
        record_host(out, r, hosts[i]);
    }
    const struct gathered_conversation *const *all = gathering_conversations(r->gathering, &count);
    for (size_t i = 0; i < count; i++) {
        record_conversation(out, r, all[i]);
    }
    const struct traffic *t = gathering_traffic(r->gathering);
    for (unsigned b = 0; b < t->buckets; b++) {
        if (!bucket_is_empty(t, b)) {
            record_bucket(out, t, b);
        }
    }
}
