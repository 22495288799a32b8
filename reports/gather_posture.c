/*
 * gather_posture.c - what messages say of the hosts that sent them: versions, signing, encryption,
 * certificates, how accounts log on.
 */
#include "reports/gather_parts.h"

void tally_add(struct tally *t, struct gather_memory *m, const char *name)
{
    if (name == NULL) {
        return;
    }
    for (unsigned i = 0; i < t->count; i++) {
        if (strcmp(t->rows[i].name, name) == 0) {
            t->rows[i].count++;
            return;
        }
    }
    if (t->count == t->room && t->room < LIMIT_GATHERED_NAMES) {
        unsigned room = t->room == 0 ? 3 : 2 * t->room;
        struct tally_row *grown = arena_alloc(m->arena, room * sizeof *grown);
        if (grown != NULL && t->count > 0) {
            memcpy(grown, t->rows, t->count * sizeof *grown);
        }
        t->rows = grown == NULL ? t->rows : grown;
        t->room = grown == NULL ? t->room : room;
    }
    const char *kept = t->count < t->room ? arena_text(m->arena, name, strlen(name)) : NULL;
    if (kept == NULL) {
        m->shed++;
        return;
    }
    t->rows[t->count++] = (struct tally_row){.name = kept, .count = 1};
}

static void add_smb(struct gathered_host *server, struct gather_memory *m,
                    const struct observation *o)
{
    struct posture *p = &server->posture;
    if (observation_is(o, FACT_SMB_MESSAGE, "negotiate")) {
        tally_add(&p->smb_dialects, m, observation_text(o, FACT_SMB_DIALECT));
        tally_add(&p->smb_signing, m, observation_text(o, FACT_SMB_SIGNING_SERVER));
    } else if (observation_is(o, FACT_SMB_MESSAGE, "session_setup") &&
               observation_is(o, FACT_SMB_STATUS, "STATUS_SUCCESS")) {
        p->smb_sessions++;
        p->smb_encrypted += observation_says(o, FACT_SMB_ENCRYPTED);
    }
}

static const char *kept_text(struct gather_memory *m, const struct observation *o, enum fact_id id)
{
    const char *text = observation_text(o, id);
    return text == NULL ? NULL : arena_text(m->arena, text, strlen(text));
}

static void add_certificate(struct posture *p, struct gather_memory *m, const struct observation *o)
{
    const struct fact *digest = observation_get(o, FACT_TLS_CERTIFICATE_SHA256);
    struct bytes octets = digest == NULL ? (struct bytes){0} : fact_octets(o, digest);
    if (octets.len != sizeof p->certificates->sha256) {
        return;
    }
    for (unsigned i = 0; i < p->certificate_count; i++) {
        if (memcmp(p->certificates[i].sha256, octets.at, octets.len) == 0) {
            return;
        }
    }
    if (p->certificates == NULL) {
        p->certificates =
            arena_alloc(m->arena, LIMIT_GATHERED_CERTIFICATES * sizeof *p->certificates);
    }
    if (p->certificates == NULL || p->certificate_count == LIMIT_GATHERED_CERTIFICATES) {
        m->shed++;
        return;
    }
    struct gathered_certificate *c = &p->certificates[p->certificate_count++];
    c->subject = kept_text(m, o, FACT_TLS_CERTIFICATE_SUBJECT);
    c->issuer = kept_text(m, o, FACT_TLS_CERTIFICATE_ISSUER);
    c->key = kept_text(m, o, FACT_TLS_CERTIFICATE_KEY);
    c->not_after =
        (int64_t)observation_number(o, FACT_TLS_CERTIFICATE_NOT_AFTER, (uint64_t)INT64_MIN);
    c->self_signed = observation_says(o, FACT_TLS_CERTIFICATE_SELF_SIGNED);
    memcpy(c->sha256, octets.at, octets.len);
}

static void add_tls(struct gathered_host *server, struct gather_memory *m,
                    const struct observation *o)
{
    struct posture *p = &server->posture;
    tally_add(&p->tls_versions, m, observation_text(o, FACT_TLS_VERSION));
    tally_add(&p->tls_ciphers, m, observation_text(o, FACT_TLS_CIPHER));
    add_certificate(p, m, o);
}

static void add_ldap(struct gathered_host *server, const struct observation *o)
{
    static const char *const names[LDAP_PROTECTIONS] = {"none", "sign", "seal", "tls"};
    struct posture *p = &server->posture;
    if (!observation_is(o, FACT_LDAP_OPERATION, "bind")) {
        return;
    }
    for (unsigned i = 0; i < LDAP_PROTECTIONS; i++) {
        p->ldap[i] += observation_is(o, FACT_LDAP_PROTECTION, names[i]);
    }
    p->ldap_simple_binds += observation_is(o, FACT_LDAP_MECHANISM, "simple");
}

static void add_sql(struct gathered_host *server, struct gather_memory *m,
                    const struct observation *o)
{
    struct posture *p = &server->posture;
    if (observation_is(o, FACT_SQL_MESSAGE, "prelogin")) {
        tally_add(&p->sql_encryption, m, observation_text(o, FACT_SQL_ENCRYPTION_RESULT));
    } else if (observation_is(o, FACT_SQL_MESSAGE, "login")) {
        tally_add(&p->sql_logins, m, observation_text(o, FACT_SQL_AUTH));
    }
}

static void add_logon(struct gathered_host *end, enum dir role, struct gather_memory *m,
                      const struct observation *o)
{
    struct posture *p = &end->posture;
    if (o->record == RECORD_NTLM) {
        p->ntlm[role]++;
        tally_add(&p->ntlm_variants, m, observation_text(o, FACT_NTLM_VARIANT));
    } else {
        p->kerberos[role]++;
        tally_add(&p->kerberos_etypes, m, observation_text(o, FACT_KERBEROS_TICKET_ETYPE));
    }
}

static bool is_https_port(const struct gathered_host *server, uint16_t port)
{
    const struct host *h = server->declared;
    for (unsigned i = 0; h != NULL && i < h->role_count; i++) {
        for (unsigned n = 0; n < h->roles[i].https_port_count; n++) {
            if (h->roles[i].https_ports[n] == port) {
                return true;
            }
        }
    }
    return port == 443 || port == 8531;
}

/* What runs inside TLS cannot be seen: the port says what it is for. */
static void add_web(struct gathered_host *server, const struct observation *flow)
{
    server->posture.http_clear += observation_is(flow, FACT_FLOW_PROTOCOL, "http");
    server->posture.http_tls += observation_is(flow, FACT_FLOW_PROTOCOL, "tls") &&
                                is_https_port(server, flow->flow.ends[DIR_SERVER].port);
}

static void add_server(struct gathered_host *server, struct gather_memory *m,
                       const struct observation *o)
{
    if (o->record == RECORD_FLOW) {
        add_web(server, o);
    } else if (o->record == RECORD_SMB) {
        add_smb(server, m, o);
    } else if (o->record == RECORD_TLS) {
        add_tls(server, m, o);
    } else if (o->record == RECORD_LDAP) {
        add_ldap(server, o);
    } else if (o->record == RECORD_SQL) {
        add_sql(server, m, o);
    }
}

void posture_observe(struct gathered_host *const ends[2], struct gather_memory *m,
                     const struct observation *o)
{
    if (ends[DIR_SERVER] != NULL) {
        add_server(ends[DIR_SERVER], m, o);
    }
    for (unsigned d = 0; d < 2 && (o->record == RECORD_NTLM || o->record == RECORD_KERBEROS); d++) {
        if (ends[d] != NULL) {
            add_logon(ends[d], (enum dir)d, m, o);
        }
    }
}
