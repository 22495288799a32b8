#include "tests/policy/rule_play.h"

#include <ctype.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/decode.h"
#include "tests/test.h"

/* In two parts, since C99 promises no longer strings. */
static const char surroundings[] =
    "forests:\n"
    "  corp: {domains: [corp.example], netbios: [CORP], published: true}\n"
    "  partner: {domains: [partner.example], netbios: [PARTNER]}\n"
    "  ally: {domains: [ally.example], netbios: [ALLY]}\n"
    "  old: {domains: [old.example], netbios: [OLD]}\n"
    "trusts:\n"
    "  - {forests: [corp, ally], type: forest, direction: two-way}\n"
    "  - {forests: [corp, old], type: external, direction: two-way}\n"
    "zones:\n"
    "  intranet: [10.0.0.0/8, \"fd00::/8\"]\n"
    "  perimeter: [192.0.2.0/24]\n"
    "sites:\n"
    "  CEN: {type: central-administration}\n"
    "  P01: {type: primary, parent: CEN, client-communication: https}\n"
    "  P02: {type: primary, parent: CEN, client-communication: enhanced-http}\n"
    "  S01: {type: secondary, parent: P01}\n"
    "  OLD: {type: primary, client-communication: https-or-http}\n"
    "clients:\n"
    "  hq: {networks: [10.1.0.0/16, \"fd00:1::/32\"], forest: corp}\n"
    "  kiosks: {networks: [10.2.0.0/16], workgroup: true}\n"
    "  partners: {networks: [10.3.0.0/16], forest: partner}\n"
    "  allies: {networks: [10.4.0.0/16], forest: ally}\n"
    "  olds: {networks: [10.5.0.0/16], forest: old}\n"
    "  roaming: {networks: [198.51.100.0/24], forest: corp}\n"
    "administrators: {networks: [10.9.0.0/16]}\n"
    "tls: {minimum: \"1.2\"}\n";

static const char hosts[] =
    "hosts:\n"
    "  dc01.corp.example: {addresses: [10.0.0.2], forest: corp, roles: [domain-controller, "
    "global-catalog, dns]}\n"
    "  ca01.corp.example: {addresses: [10.0.0.3], forest: corp, roles: [certification-authority]}\n"
    "  fs01.corp.example: {addresses: [10.0.0.4], forest: corp, roles: [file-share]}\n"
    "  cm00.corp.example: {addresses: [10.0.0.9], forest: corp, site: CEN, roles: [site-server]}\n"
    "  cm01.corp.example: {addresses: [10.0.0.10], forest: corp, site: P01, roles: [site-server]}\n"
    "  cm02.corp.example: {addresses: [10.0.0.11], forest: corp, site: P02, roles: [site-server]}\n"
    "  cm03.corp.example: {addresses: [10.0.0.12], forest: corp, site: S01, roles: [site-server]}\n"
    "  cm09.corp.example: {addresses: [10.0.0.19], forest: corp, site: OLD, roles: [site-server]}\n"
    "  db01.corp.example: {addresses: [10.0.0.13], forest: corp, site: P01, roles: "
    "[{site-database: {ports: [1433, 51433]}}]}\n"
    "  prov01.corp.example: {addresses: [10.0.0.14], forest: corp, site: P01, roles: "
    "[sms-provider]}\n"
    "  mp01.corp.example:\n"
    "    addresses: [10.0.0.20, \"fd00::20\"]\n"
    "    aliases: [mp.corp.example]\n"
    "    forest: corp\n"
    "    site: P01\n"
    "    roles: [{management-point: {clients: https, ports: {https: [443, 8443]}, serves: "
    "[intranet, internet]}}]\n"
    "  mp02.corp.example: {addresses: [10.0.0.21], forest: corp, site: P02, roles: "
    "[management-point]}\n"
    "  mp03.corp.example: {addresses: [10.0.0.22], forest: corp, site: S01, roles: "
    "[management-point]}\n"
    "  mp04.corp.example: {addresses: [10.0.0.23], forest: corp, site: P01, roles: "
    "[{management-point: {clients: https-or-http}}]}\n"
    "  dp01.corp.example: {addresses: [10.0.0.30], forest: corp, site: P01, roles: "
    "[distribution-point]}\n"
    "  dp02.corp.example: {addresses: [10.0.0.31], forest: corp, site: P02, roles: "
    "[distribution-point]}\n"
    "  all01.corp.example:\n"
    "    addresses: [10.0.0.35]\n"
    "    forest: corp\n"
    "    site: OLD\n"
    "    roles: [site-server, management-point, distribution-point]\n"
    "  sup01.corp.example:\n"
    "    addresses: [10.0.0.40]\n"
    "    forest: corp\n"
    "    site: P01\n"
    "    roles: [{software-update-point: {clients: https-or-http, ports: {http: [8530], https: "
    "[8531]}}}]\n"
    "  fsp01.corp.example: {addresses: [10.0.0.41], forest: corp, site: P01, roles: "
    "[fallback-status-point]}\n"
    "  smp02.corp.example: {addresses: [10.0.0.42], forest: corp, site: P02, roles: "
    "[state-migration-point]}\n"
    "  rsp01.corp.example: {addresses: [10.0.0.43], forest: corp, site: P01, roles: "
    "[reporting-point]}\n"
    "  mp05.ally.example: {addresses: [10.0.0.50], forest: ally, site: P01, roles: "
    "[management-point]}\n"
    "  mp06.old.example: {addresses: [10.0.0.51], forest: old, site: P01, roles: "
    "[management-point]}\n"
    "  mp07.partner.example:\n"
    "    addresses: [192.0.2.20]\n"
    "    forest: partner\n"
    "    site: P01\n"
    "    site-server-initiates: true\n"
    "    roles: [management-point, dns]\n"
    "  dp07.partner.example: {addresses: [192.0.2.21], forest: partner, site: P01, roles: "
    "[distribution-point]}\n"
    "  dp08: {addresses: [192.0.2.22], workgroup: true, site: P01, roles: [distribution-point]}\n"
    "  dp09.corp.example: {addresses: [192.0.2.23], forest: corp, site: P01, roles: "
    "[distribution-point]}\n"
    "  proxy01: {addresses: [192.0.2.5], workgroup: true, roles: [{web-proxy: {mode: bridging, "
    "publishes: [mp01.corp.example]}}]}\n"
    "  cmg01.cloud.example: {addresses: [203.0.113.80], workgroup: true, site: P01, roles: "
    "[cloud-management-gateway]}\n";

/* ---- beginning and end ---- */

static struct policy *load(const char *text)
{
    char path[64], *errors_text = NULL;
    size_t size = 0;
    struct policy *policy = NULL;
    int fd = memfd_create("policy", MFD_CLOEXEC);
    FILE *errors = open_memstream(&errors_text, &size);
    assert_true(fd >= 0 && errors != NULL);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int error = policy_load(path, NULL, &rule_names, errors, &policy);
    (void)fclose(errors);
    (void)close(fd);
    if (error != 0) {
        print_error("%s", errors_text);
    }
    free(errors_text);
    assert_int_equal(error, 0);
    return policy;
}

void rule_play_begin(struct rule_play *p, const char *policy)
{
    char text[sizeof surroundings + sizeof hosts + 16384];
    bool added = policy == NULL || policy[0] == '\n';
    (void)snprintf(text, sizeof text, "%s%s%s", added ? surroundings : "", added ? hosts : "",
                   policy == NULL ? "" : policy);
    *p = (struct rule_play){.policy = load(text), .pool = observation_pool_new()};
    p->audit = audit_new(p->policy);
    assert_non_null(p->audit);
    assert_non_null(p->pool);
}

void rule_play_finish(struct rule_play *p)
{
    audit_finish(p->audit);
}

void rule_play_end(struct rule_play *p)
{
    p->audit = audit_free(p->audit);
    p->pool = observation_pool_free(p->pool);
    p->policy = policy_free(p->policy);
}

/* ---- a line ---- */

struct line { /* what is left of it, and what was read */
    const char *at;
    struct observation *o;
    struct rule_play *play;
    bool answered;
};

static const char *take_word(struct line *l, char *word, size_t room, const char *stops)
{
    l->at += strspn(l->at, " ");
    size_t len = strcspn(l->at, stops);
    assert_true(len < room);
    memcpy(word, l->at, len);
    word[len] = '\0';
    l->at += len;
    return word;
}

static struct stamp stamp_of(const struct rule_play *p, uint64_t packet)
{
    return (struct stamp){.order = packet,
                          .packet = packet,
                          .ns = RULE_PLAY_START + p->seconds * 1000000000 + (int64_t)packet * 1000,
                          .precision = 6};
}

static enum record record_named(const char *name)
{
    for (unsigned i = 0; i < RECORD_COUNT; i++) {
        if (strcmp(record_keys[i], name) == 0) {
            return (enum record)i;
        }
    }
    fail_msg("no record %s", name);
    return RECORD_FLOW;
}

static void read_head(struct line *l)
{
    char word[64];
    struct rule_play *p = l->play;
    enum record record = record_named(take_word(l, word, sizeof word, " #@+"));
    uint64_t flow = 1;
    p->packet++;
    while (*l->at != ' ') {
        char kind = *l->at++;
        uint64_t number = strtoull(take_word(l, word, sizeof word, " #@+"), NULL, 10);
        flow = kind == '#' ? number : flow;
        p->packet = kind == '@' ? number : p->packet;
        p->seconds = kind == '+' ? (int64_t)number : p->seconds;
    }
    l->o = observation_new(p->pool, record);
    assert_non_null(l->o);
    l->o->flow.id = flow;
    l->o->at = stamp_of(p, p->packet);
}

static void read_end(struct line *l, enum dir dir)
{
    char word[64];
    struct flow_end *end = &l->o->flow.ends[dir];
    take_word(l, word, sizeof word, " ");
    char *colon = strrchr(word, ':'), *close = strchr(word, ']');
    if (colon != NULL && (strchr(word, ':') == colon || (close != NULL && close < colon))) {
        end->port = (uint16_t)strtoul(colon + 1, NULL, 10);
        *colon = '\0';
    }
    if (close != NULL) {
        *close = '\0';
    }
    assert_true(address_parse(word[0] == '[' ? word + 1 : word, &end->address));
}

static void read_ends(struct line *l)
{
    char arrow[8];
    struct flow_reference *flow = &l->o->flow;
    read_end(l, DIR_CLIENT);
    flow->ends[DIR_CLIENT].port =
        flow->ends[DIR_CLIENT].port != 0 ? flow->ends[DIR_CLIENT].port : 50000;
    take_word(l, arrow, sizeof arrow, " ");
    read_end(l, DIR_SERVER);
    bool udp = strncmp(arrow, "udp", 3) == 0;
    const char *kind = udp ? arrow + 3 : arrow;
    assert_true(strcmp(kind, ">") == 0 || strcmp(kind, "!>") == 0 || strcmp(kind, "~>") == 0);
    flow->protocol = udp ? IP_UDP : IP_TCP;
    flow->opening_seen = kind[0] != '~';
    flow->direction_certain = kind[0] != '~' && !udp;
    l->answered = kind[0] != '!';
    if (flow->opening_seen) {
        flow->opening = l->o->at;
    }
}

static void state_fact(struct line *l, enum fact_id id, const char *value)
{
    struct observation *o = l->o;
    struct stamp at;
    uint8_t octets[64];
    size_t n = 0;
    switch (fact_rows[id].type) {
    case FACT_TEXT:
    case FACT_LIST:
        observation_string(o, id, value);
        break;
    case FACT_NUM:
    case FACT_CODE16:
    case FACT_CODE32:
        observation_num(o, id, strtoull(value, NULL, 0));
        break;
    case FACT_BOOL:
        observation_bool(o, id, strcmp(value, "true") == 0);
        break;
    case FACT_TIME:
    case FACT_DATE:
        observation_num(o, id, (uint64_t)(RULE_PLAY_START + strtoll(value, NULL, 10) * 1000000000));
        break;
    case FACT_PACKET:
        at = stamp_of(l->play, strtoull(value, NULL, 10));
        observation_stamp(o, id, &at);
        break;
    case FACT_HEX:
        for (; n < sizeof octets && isxdigit((unsigned char)value[2 * n]); n++) {
            char pair[3] = {value[2 * n], value[2 * n + 1], '\0'};
            octets[n] = (uint8_t)strtoul(pair, NULL, 16);
        }
        observation_hex(o, id, bytes_of(octets, n));
        break;
    }
}

static void read_facts(struct line *l)
{
    char key[64], value[400];
    l->at += strspn(l->at, " ");
    while (*l->at == '|') {
        l->at++;
        take_word(l, key, sizeof key, "=");
        assert_true(*l->at == '=');
        l->at++;
        size_t len = strcspn(l->at, "|");
        assert_true(len < sizeof value);
        memcpy(value, l->at, len);
        value[len] = '\0';
        l->at += len;
        while (len > 0 && value[len - 1] == ' ') {
            value[--len] = '\0';
        }
        enum fact_id id = fact_find(key);
        if (id == FACT_COUNT) {
            fail_msg("no fact %s", key);
        }
        state_fact(l, id, value);
    }
    assert_true(*l->at == '\0');
}

static void state_unless(struct line *l, enum fact_id id, const char *value)
{
    if (observation_get(l->o, id) == NULL) {
        state_fact(l, id, value);
    }
}

static void complete_flow(struct line *l)
{
    const struct flow_reference *flow = &l->o->flow;
    bool udp = flow->protocol == IP_UDP;
    char number[24];
    state_unless(l, FACT_FLOW_TRANSPORT, udp ? "udp" : "tcp");
    state_unless(l, FACT_FLOW_DIRECTION, flow->direction_certain ? "certain" : "inferred");
    state_unless(l, FACT_FLOW_STATE,
                 !l->answered         ? "unanswered"
                 : udp                ? "answered"
                 : flow->opening_seen ? "established"
                                      : "midstream");
    state_unless(l, FACT_FLOW_PACKETS_CLIENT, "3");
    state_unless(l, FACT_FLOW_PACKETS_SERVER, l->answered ? "3" : "0");
    state_unless(l, FACT_FLOW_OPENING_SEEN, flow->opening_seen ? "true" : "false");
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)l->o->at.packet);
    state_unless(l, FACT_FLOW_FIRST_PACKET, number);
    if (flow->opening_seen) {
        state_unless(l, FACT_FLOW_OPENING_PACKET, number);
    }
    if (flow->opening_seen && l->answered) {
        l->play->packet++;
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)l->play->packet);
        state_unless(l, FACT_FLOW_ANSWER_PACKET, number);
    }
    state_unless(l, FACT_FLOW_PROTOCOL, "unknown");
    if (!observation_is(l->o, FACT_FLOW_PROTOCOL, "unknown")) {
        state_unless(l, FACT_FLOW_IDENTIFIED_BY, "content");
    }
}

void rule_play_say(struct rule_play *p, const char *text)
{
    struct line l = {.at = text, .play = p};
    read_head(&l);
    read_ends(&l);
    read_facts(&l);
    if (l.o->record == RECORD_FLOW) {
        complete_flow(&l);
    }
    audit_observe(p->audit, l.o);
    if (p->also != NULL) {
        p->also(p->also_user, l.o);
    }
    observation_release(p->pool, l.o);
}

/* ---- answers ---- */

static void print_end(FILE *to, const struct party *p, bool with_port)
{
    char text[ADDRESS_TEXT];
    if (!p->known) {
        (void)fputc('-', to);
        return;
    }
    (void)fputs(address_format(&p->address, text), to);
    if (with_port) {
        (void)fprintf(to, ":%u", p->port);
    }
}

char *rule_play_findings(const struct rule_play *p, const char *code)
{
    char *text = NULL;
    size_t size = 0, count = 0, told = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    const struct finding *const *all = audit_findings(p->audit, &count);
    for (size_t i = 0; i < count; i++) {
        const struct finding *f = all[i];
        if (strcmp(f->rule->code, code) != 0) {
            continue;
        }
        (void)fprintf(to, "%s%s %s ", told++ > 0 ? "; " : "", severity_name(f->severity),
                      confidence_name(f->confidence));
        print_end(to, &f->client, false);
        (void)fputs(" > ", to);
        print_end(to, &f->server, true);
        for (unsigned e = 0; e < f->evidence_count; e++) {
            (void)fprintf(to, "%s%llu", e == 0 ? " @" : ",",
                          (unsigned long long)f->evidence[e].at.packet);
        }
        /* What every finding owes its reader. */
        assert_true(f->explanation != NULL && f->explanation[0] != '\0' &&
                    strstr(f->explanation, "(null)") == NULL);
        assert_true(f->remediation != NULL && f->remediation[0] != '\0' &&
                    strstr(f->remediation, "(null)") == NULL);
        assert_true(f->count > 0 && f->first_ns <= f->last_ns);
    }
    (void)fclose(to);
    return text;
}

const struct finding *rule_play_finding(const struct rule_play *p, const char *code)
{
    size_t count = 0;
    const struct finding *const *all = audit_findings(p->audit, &count), *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->rule->code, code) == 0) {
            assert_null(found);
            found = all[i];
        }
    }
    assert_non_null(found);
    return found;
}

const char *rule_play_verdict(const struct rule_play *p, const char *code, const char *subject)
{
    size_t count = 0;
    const struct verdict *const *all = audit_verdicts(p->audit, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i]->rule->code, code) == 0 && strcmp(all[i]->subject, subject) == 0) {
            assert_true(all[i]->because != NULL && all[i]->because[0] != '\0');
            return verdict_status_name(all[i]->status);
        }
    }
    return "none";
}

static bool play_case(const char *code, const struct rule_case *c)
{
    struct rule_play p;
    rule_play_begin(&p, c->policy);
    for (size_t i = 0; i < RULE_PLAY_STEPS && c->steps[i] != NULL; i++) {
        rule_play_say(&p, c->steps[i]);
    }
    rule_play_finish(&p);
    char *findings = rule_play_findings(&p, code);
    const char *verdict = c->subject == NULL ? NULL : rule_play_verdict(&p, code, c->subject);
    bool fine =
        strcmp(findings, c->findings) == 0 && (verdict == NULL || strcmp(verdict, c->verdict) == 0);
    if (!fine) {
        print_error("%s %s:\n  found \"%s\"\n  wanted \"%s\"\n", code, c->label, findings,
                    c->findings);
        if (verdict != NULL) {
            print_error("  verdict %s, wanted %s\n", verdict, c->verdict);
        }
    }
    free(findings);
    rule_play_end(&p);
    return fine;
}

void rule_play_cases(const char *code, const struct rule_case *cases, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        wrong += !play_case(code, &cases[i]);
    }
    assert_int_equal(wrong, 0);
}
