/* What each kind of record says of roles, domains and sites (spec/signatures.md). */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "dissect/text.h"
#include "policy/discover.h"
#include "policy/web_roles.h"

#define HTTP_OK_FIRST 200
#define HTTP_OK_LAST 299
#define DNS_PORT 53

static struct discovered_host *end_of(struct discovery *d, const struct observation *o,
                                      enum dir end)
{
    return discovery_host(d, &o->flow.ends[end].address);
}

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* ---- conversations ---- */

/* Ports that one role answers on, where the content says that it is this protocol. */
static const struct {
    uint16_t port;
    const char *protocol;
    enum role role;
    enum score score;
} ports[] = {
    {3268, "ldap", ROLE_GLOBAL_CATALOG, SCORE_CERTAIN},
    {3269, "tls", ROLE_GLOBAL_CATALOG, SCORE_LIKELY},
    {636, "tls", ROLE_DOMAIN_CONTROLLER, SCORE_POSSIBLE},
    {1433, "tds", ROLE_SITE_DATABASE, SCORE_POSSIBLE},
    {4022, "tds", ROLE_SITE_DATABASE, SCORE_POSSIBLE},
    {8530, "http", ROLE_SOFTWARE_UPDATE_POINT, SCORE_POSSIBLE},
    {8531, "tls", ROLE_SOFTWARE_UPDATE_POINT, SCORE_LIKELY},
    {10123, "tls", ROLE_MANAGEMENT_POINT, SCORE_LIKELY},
};

/* Of connection points with their gateway in the cloud (matrix rows M085, M086). */
#define RELAY_PORT_FIRST 10124
#define RELAY_PORT_LAST 10155

static void from_flow(struct discovery *d, const struct observation *o)
{
    const char *protocol = observation_text(o, FACT_FLOW_PROTOCOL);
    struct stamp at = observation_packet(o, FACT_FLOW_ANSWER_PACKET);
    if (at.order == 0 || observation_is(o, FACT_FLOW_STATE, "refused")) {
        return;
    }
    struct discovered_host *server = end_of(d, o, DIR_SERVER), *client = end_of(d, o, DIR_CLIENT);
    if (server == NULL || client == NULL) {
        return;
    }
    server->is_server = true;
    client->client_at = client->is_client ? client->client_at : at;
    client->is_client = true;
    uint16_t port = o->flow.ends[DIR_SERVER].port;
    if (protocol != NULL && !observation_is(o, FACT_FLOW_IDENTIFIED_BY, "port")) {
        if (strcmp(protocol, "tds") == 0) {
            discovery_use(d, server, USE_SQL, client, at);
        } else if (strcmp(protocol, "tls") == 0 && port >= RELAY_PORT_FIRST &&
                   port <= RELAY_PORT_LAST) {
            discovery_use(d, server, USE_RELAY, client, at);
        }
    }
    for (size_t i = 0; protocol != NULL && i < sizeof ports / sizeof *ports; i++) {
        if (ports[i].port == port && strcmp(ports[i].protocol, protocol) == 0 &&
            !observation_is(o, FACT_FLOW_IDENTIFIED_BY, "port")) {
            struct evidence_seen seen =
                evidence_of(d, at, "answers %s on port %u", protocol, (unsigned)port);
            discovery_role(d, server, ports[i].role, ports[i].score, &seen);
        }
    }
}

/* ---- directory and logons ---- */

static void from_kerberos(struct discovery *d, const struct observation *o)
{
    const char *realm = observation_text(o, FACT_KERBEROS_REALM);
    struct stamp at = observation_packet(o, FACT_KERBEROS_REPLY_PACKET);
    bool refused = observation_get(o, FACT_KERBEROS_ERROR) != NULL;
    if (realm == NULL || at.order == 0 || observation_is(o, FACT_KERBEROS_EXCHANGE, "ap") ||
        (refused && !observation_is(o, FACT_KERBEROS_ERROR, "KDC_ERR_PREAUTH_REQUIRED"))) {
        return;
    }
    struct evidence_seen seen = evidence_of(d, at, "answers as the KDC of %.100s", realm);
    struct discovered_host *server = end_of(d, o, DIR_SERVER);
    discovery_role(d, server, ROLE_DOMAIN_CONTROLLER, SCORE_CERTAIN, &seen);
    discovery_domain(d, realm, NULL, &seen);
    seen = evidence_of(d, at, "the KDC of %.100s: mostly a global catalog as well", realm);
    discovery_role(d, server, ROLE_GLOBAL_CATALOG, SCORE_POSSIBLE, &seen);
}

/* "DC=corp,DC=example" at the end of a distinguished name. */
static bool domain_of_dn(const char *dn, char *out, size_t room)
{
    size_t at = 0;
    while (*dn != '\0') {
        size_t len = strcspn(dn, ",");
        if (begins(dn, "dc=") && len > 3) {
            int got =
                snprintf(out + at, room - at, "%s%.*s", at == 0 ? "" : ".", (int)(len - 3), dn + 3);
            at += got > 0 ? (size_t)got : 0;
        } else {
            at = 0;
        }
        if (at >= room) {
            return false;
        }
        dn += len + (dn[len] == ',');
    }
    return at > 0;
}

/* "CN=SMS-MP-<site>-<name>,CN=System Management,..." is what a site publishes of a management point
 * (spec/signatures.md, section 6). */
static void from_directory_entry(struct discovery *d, const char *dn, struct stamp at)
{
    enum { SITE = 3 };
    static const char point[] = "CN=SMS-MP-";
    const char *code = begins(dn, point) ? dn + sizeof point - 1 : NULL;
    size_t len = code == NULL ? 0 : strcspn(code, ",");
    char name[256];
    if (len <= SITE + 1 || len >= sizeof name || code[SITE] != '-' ||
        strstr(dn, "System Management") == NULL) {
        return;
    }
    memcpy(name, code, len);
    name[len] = '\0';
    name[SITE] = '\0';
    struct evidence_seen seen =
        evidence_of(d, at, "the directory names it as a management point of %s", name);
    discovery_site(d, NULL, name, &seen);
    discovery_named_role(d, &(struct named_role){.name = name + SITE + 1,
                                                 .site = name,
                                                 .role = ROLE_MANAGEMENT_POINT,
                                                 .score = SCORE_LIKELY,
                                                 .seen = seen});
}

static bool says_one(const struct observation *o, enum fact_id id, const char *word)
{
    bool found = false;
    for (const struct fact *f = observation_get(o, id); f != NULL && !found;
         f = observation_more(o, id, f)) {
        found = strcmp(fact_text(o, f), word) == 0;
    }
    return found;
}

/* Attributes and rules of matching that Active Directory alone has ([MS-ADA1], [MS-ADA3], [MS-ADTS]
 * 3.1.1.3.4.4): other directories have suffixes of dc= as well. */
static bool speaks_active_directory(const char *filter)
{
    static const char *const words[] = {
        "sAMAccount",           "objectCategory", "userAccountControl", "userPrincipalName",
        "servicePrincipalName", "objectSid",      "1.2.840.113556.",    "mSSMS"};
    bool found = false;
    for (size_t i = 0; filter != NULL && i < sizeof words / sizeof *words && !found; i++) {
        found = text_holds(filter, words[i]);
    }
    return found;
}

static void from_ldap(struct discovery *d, const struct observation *o)
{
    const char *filter = observation_text(o, FACT_LDAP_FILTER);
    const char *dn = observation_text(o, FACT_LDAP_DN);
    struct stamp at = observation_packet(o, FACT_LDAP_RESPONSE_PACKET);
    struct discovered_host *server = end_of(d, o, DIR_SERVER);
    char domain[256];
    if (at.order == 0 || !observation_is(o, FACT_LDAP_OPERATION, "search") ||
        observation_number(o, FACT_LDAP_RESULT_CODE, 1) != 0 ||
        observation_number(o, FACT_LDAP_ENTRIES, 0) == 0) {
        return;
    }
    for (const struct fact *f = observation_get(o, FACT_LDAP_FOUND); f != NULL;
         f = observation_more(o, FACT_LDAP_FOUND, f)) {
        from_directory_entry(d, fact_text(o, f), at);
    }
    /* [MS-ADTS] 6.3.3: only a controller answers the ping of a netlogon client. */
    if (observation_get(o, FACT_LDAP_NETLOGON) != NULL ||
        (filter != NULL && strstr(filter, "NtVer=") != NULL)) {
        struct evidence_seen seen = evidence_of(d, at, "answers the LDAP ping of clients");
        discovery_role(d, server, ROLE_DOMAIN_CONTROLLER, SCORE_CERTAIN, &seen);
        if (says_one(o, FACT_LDAP_NETLOGON, "gc")) {
            seen = evidence_of(d, at, "says in a netlogon answer that it is a global catalog");
            discovery_role(d, server, ROLE_GLOBAL_CATALOG, SCORE_CERTAIN, &seen);
        }
    } else if (dn != NULL && domain_of_dn(dn, domain, sizeof domain)) {
        struct evidence_seen seen = evidence_of(d, at, "answers LDAP searches in %.120s", domain);
        discovery_role(d, server, ROLE_DOMAIN_CONTROLLER,
                       speaks_active_directory(filter) ? SCORE_LIKELY : SCORE_POSSIBLE, &seen);
        discovery_domain(d, domain, NULL, &seen);
    }
}

static void from_ntlm(struct discovery *d, const struct observation *o)
{
    const char *domain = observation_text(o, FACT_NTLM_SERVER_DNS_DOMAIN);
    const char *netbios = observation_text(o, FACT_NTLM_SERVER_DOMAIN);
    const char *name = observation_text(o, FACT_NTLM_SERVER_NAME);
    const char *whole = observation_text(o, FACT_NTLM_SERVER_DNS_NAME);
    /* A server outside of any domain names itself as its domain. */
    bool alone = netbios != NULL && name != NULL && strcasecmp(netbios, name) == 0;
    if (domain == NULL || whole == NULL || strcasecmp(domain, whole) == 0) {
        return;
    }
    struct evidence_seen seen =
        evidence_of(d, o->at, "%.100s names it in NTLM as its domain", whole);
    discovery_domain(d, domain, alone ? NULL : netbios, &seen);
}

static void from_dcerpc(struct discovery *d, const struct observation *o)
{
    const char *interface = observation_text(o, FACT_DCERPC_INTERFACE);
    if (interface == NULL || !observation_is(o, FACT_DCERPC_RESULT, "accepted")) {
        return;
    }
    bool replication = strcmp(interface, "drsuapi") == 0;
    if (replication || strcmp(interface, "netlogon") == 0) {
        struct evidence_seen seen = evidence_of(d, o->at, "offers the interface %s", interface);
        discovery_role(d, end_of(d, o, DIR_SERVER), ROLE_DOMAIN_CONTROLLER,
                       replication ? SCORE_CERTAIN : SCORE_LIKELY, &seen);
    } else if (begins(interface, "IWbem")) {
        discovery_use(d, end_of(d, o, DIR_SERVER), USE_WMI, end_of(d, o, DIR_CLIENT), o->at);
    }
}

/* ---- names ---- */

/* "priority weight port target" (RFC 2782). */
static const char *srv_target(const char *answer)
{
    const char *space = strrchr(answer, ' ');
    return space != NULL && isdigit((unsigned char)answer[0]) ? space + 1 : NULL;
}

static void from_service(struct discovery *d, const struct observation *o, const char *query,
                         struct stamp at)
{
    enum role role = ROLE_COUNT;
    char site[4] = "";
    const char *suffix = strstr(query, "._tcp.");
    struct evidence_seen seen = evidence_of(d, at, "DNS names it for %.120s", query);
    if (begins(query, "_mssms_mp_") && suffix == query + 13) {
        role = ROLE_MANAGEMENT_POINT;
        (void)snprintf(site, sizeof site, "%s", query + 10);
        discovery_site(d, NULL, site, &seen);
    } else if (begins(query, "_gc._tcp.") || strstr(query, ".gc._msdcs.") != NULL) {
        role = ROLE_GLOBAL_CATALOG;
    } else if (strstr(query, ".dc._msdcs.") != NULL) {
        role = ROLE_DOMAIN_CONTROLLER;
    }
    for (const struct fact *f = role == ROLE_COUNT ? NULL : observation_get(o, FACT_DNS_ANSWERS);
         f != NULL; f = observation_more(o, FACT_DNS_ANSWERS, f)) {
        const char *target = srv_target(fact_text(o, f));
        if (target != NULL) {
            discovery_named_role(d, &(struct named_role){.name = target,
                                                         .site = site[0] != '\0' ? site : NULL,
                                                         .role = role,
                                                         .score = SCORE_LIKELY,
                                                         .seen = seen});
        }
    }
}

/* WINS registers and answers for others; the names that Configuration Manager put there are
 * MP_<site> of type 1a. */
static void from_nbns(struct discovery *d, const struct observation *o, const char *query,
                      struct stamp at)
{
    struct address address;
    if (observation_is(o, FACT_DNS_OPCODE, "registration")) {
        struct evidence_seen seen = evidence_of(d, at, "takes registrations of NetBIOS names");
        discovery_role(d, end_of(d, o, DIR_SERVER), ROLE_WINS, SCORE_LIKELY, &seen);
    }
    const char *answer = observation_text(o, FACT_DNS_ADDRESSES);
    const char *space = answer == NULL ? NULL : strrchr(answer, ' ');
    if (space != NULL && begins(query, "MP_") && begins(query + 6, "<1a>") &&
        address_parse(space + 1, &address)) {
        struct discovered_host *h = discovery_host(d, &address);
        struct evidence_seen seen = evidence_of(d, at, "the NetBIOS name %.20s", query);
        discovery_role(d, h, ROLE_MANAGEMENT_POINT, SCORE_LIKELY, &seen);
        discovery_site(d, h, query + 3, &seen);
    }
}

static void from_dns(struct discovery *d, const struct observation *o)
{
    const char *query = observation_text(o, FACT_DNS_QUERY);
    struct stamp at = observation_packet(o, FACT_DNS_RESPONSE_PACKET);
    if (query == NULL || at.order == 0 || !address_is_host(&o->flow.ends[DIR_SERVER].address)) {
        return;
    }
    if (observation_is(o, FACT_DNS_KIND, "nbns")) {
        from_nbns(d, o, query, at);
        return;
    }
    bool answered = observation_is(o, FACT_DNS_RCODE, "NOERROR") ||
                    observation_is(o, FACT_DNS_RCODE, "NXDOMAIN");
    if (!answered || !observation_is(o, FACT_DNS_KIND, "dns")) {
        return;
    }
    struct evidence_seen seen = evidence_of(d, at, "answers DNS queries");
    bool usual = o->flow.ends[DIR_SERVER].port == DNS_PORT;
    discovery_role(d, end_of(d, o, DIR_SERVER), ROLE_DNS, usual ? SCORE_CERTAIN : SCORE_POSSIBLE,
                   &seen);
    if (observation_is(o, FACT_DNS_QTYPE, "SRV")) {
        from_service(d, o, query, at);
    }
}

/* ---- files ---- */

/* The role that a share's name belongs to; *ret_code is the site's code in it. */
static enum role role_of_share(const char *share, enum score *ret_score, const char **ret_code)
{
    static const struct {
        const char *begin;
        enum role role;
        enum score score;
    } shares[] = {
        {"SMSPKG", ROLE_DISTRIBUTION_POINT, SCORE_LIKELY},
        {"SMSSIG$", ROLE_DISTRIBUTION_POINT, SCORE_LIKELY},
        {"SMS_DP$", ROLE_DISTRIBUTION_POINT, SCORE_LIKELY},
        {"SCCMContentLib$", ROLE_DISTRIBUTION_POINT, SCORE_LIKELY},
        {"REMINST", ROLE_DISTRIBUTION_POINT, SCORE_POSSIBLE},
        {"WsusContent", ROLE_SOFTWARE_UPDATE_POINT, SCORE_LIKELY},
        {"UpdateServicesPackages", ROLE_SOFTWARE_UPDATE_POINT, SCORE_LIKELY},
        {"SMS_SITE", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"SMS_OCM_DATACACHE", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"SMS_SUIAgent", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"SMS_CPS", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"EasySetupPayload", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"AdminUIContentPayload", ROLE_SITE_SERVER, SCORE_LIKELY},
        {"SYSVOL", ROLE_DOMAIN_CONTROLLER, SCORE_LIKELY},
        {"NETLOGON", ROLE_DOMAIN_CONTROLLER, SCORE_LIKELY},
    };
    *ret_code = NULL;
    if (begins(share, "SMS_") && strlen(share) == 7 && isalnum((unsigned char)share[4]) &&
        isalnum((unsigned char)share[5]) && isalnum((unsigned char)share[6])) {
        *ret_code = share + 4;
        *ret_score = SCORE_POSSIBLE; /* site systems have folders of theirs shared by that name */
        return ROLE_SITE_SERVER;
    }
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        if (begins(share, shares[i].begin)) {
            *ret_score = shares[i].score;
            return shares[i].role;
        }
    }
    return ROLE_COUNT;
}

static void share_opened(struct discovery *d, const struct observation *o, const char *share)
{
    enum score score = SCORE_POSSIBLE;
    const char *code = NULL;
    enum role role = role_of_share(share, &score, &code);
    struct discovered_host *server = end_of(d, o, DIR_SERVER);
    if (role == ROLE_COUNT || server == NULL) {
        return;
    }
    if (role == ROLE_DISTRIBUTION_POINT) {
        score = SCORE_POSSIBLE; /* see share_used: it may be left from an earlier time */
    }
    bool known = discovered_role_of(server, role) != NULL;
    struct evidence_seen seen = evidence_of(d, o->at, "the share %.60s was opened", share);
    discovery_role(d, server, role, score, &seen);
    if (code != NULL) {
        struct discovered_role *r =
            (struct discovered_role *)(uintptr_t)discovered_role_of(server, role);
        if (r != NULL && !known) {
            r->by_share = true;
        }
        discovery_site(d, server, code, &seen);
        discovery_use(d, server, USE_SITE_SHARE, end_of(d, o, DIR_CLIENT), o->at);
    }
}

static void share_used(struct discovery *d, const struct observation *o, const char *share)
{
    enum score score = SCORE_POSSIBLE;
    const char *code = NULL;
    enum role role = role_of_share(share, &score, &code);
    struct discovered_host *server = end_of(d, o, DIR_SERVER);
    if (role == ROLE_DISTRIBUTION_POINT && server != NULL) {
        struct evidence_seen seen =
            evidence_of(d, o->at, "content moved through the share %.60s", share);
        discovery_role(d, server, role, score, &seen);
    }
}

/* Content is put on distribution points by their site's server; other site systems put files into
 * the site server's inboxes. */
static void share_written(struct discovery *d, const struct observation *o, const char *share)
{
    enum score score = SCORE_POSSIBLE;
    const char *code = NULL;
    enum role role = role_of_share(share, &score, &code);
    struct discovered_host *server = end_of(d, o, DIR_SERVER), *client = end_of(d, o, DIR_CLIENT);
    if (server == NULL || client == NULL) {
        return;
    }
    discovery_use(d, server, USE_SMB, client, o->at);
    if (role == ROLE_DISTRIBUTION_POINT && score == SCORE_LIKELY) {
        struct evidence_seen seen =
            evidence_of(d, o->at, "writes content to the share %.60s", share);
        discovery_role(d, client, ROLE_SITE_SERVER, SCORE_LIKELY, &seen);
        struct discovered_role *r =
            (struct discovered_role *)(uintptr_t)discovered_role_of(client, ROLE_SITE_SERVER);
        if (r != NULL) {
            r->by_share = false;
        }
    } else if (code != NULL) {
        discovery_use(d, server, USE_SITE_WRITE, client, o->at);
    } else if (begins(share, "SMS_SITE")) {
        struct evidence_seen seen = evidence_of(d, o->at, "writes to another site's SMS_SITE");
        discovery_role(d, client, ROLE_SITE_SERVER, SCORE_LIKELY, &seen);
    }
}

static void from_smb(struct discovery *d, const struct observation *o)
{
    const char *path = observation_text(o, FACT_SMB_PATH);
    const char *share = path == NULL ? NULL : strrchr(path, '\\');
    if (share == NULL) {
        return;
    }
    if (observation_is(o, FACT_SMB_MESSAGE, "tree_connect") &&
        observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0) {
        share_opened(d, o, share + 1);
    } else if (observation_is(o, FACT_SMB_MESSAGE, "transfer")) {
        uint64_t written = observation_number(o, FACT_SMB_WRITTEN_BYTES, 0);
        if (written + observation_number(o, FACT_SMB_READ_BYTES, 0) > 0) {
            share_used(d, o, share + 1);
        }
        if (written > 0) {
            share_written(d, o, share + 1);
        }
    }
}

/* ---- web ---- */

static void from_http(struct discovery *d, const struct observation *o)
{
    const char *path = observation_text(o, FACT_HTTP_URI);
    const char *method = observation_text(o, FACT_HTTP_METHOD);
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    struct stamp at = observation_packet(o, FACT_HTTP_RESPONSE_PACKET);
    if (path == NULL || method == NULL || status < HTTP_OK_FIRST || status > HTTP_OK_LAST) {
        return;
    }
    struct discovered_host *server = end_of(d, o, DIR_SERVER), *client = end_of(d, o, DIR_CLIENT);
    if (observation_says(o, FACT_HTTP_PROXY)) {
        struct evidence_seen seen = evidence_of(d, at, "passes on requests (%.12s)", method);
        discovery_role(d, server, ROLE_WEB_PROXY, SCORE_LIKELY, &seen);
        return;
    }
    /* Management points take messages by CCM_POST and BITS_POST: who takes a plain one there is a
     * web server that takes everything (spec/signatures.md, section 1). */
    bool plain =
        strcmp(method, "POST") == 0 && (begins(path, "/SMS_MP/") || begins(path, "/ccm_system"));
    enum role role = plain ? ROLE_COUNT : role_of_path(path);
    if (client != NULL && (strcmp(method, "CCM_POST") == 0 || role == ROLE_MANAGEMENT_POINT)) {
        client->is_managed = true;
    }
    if (role != ROLE_COUNT) {
        /* Reporting Services serve other applications as well, and so does NDES; the enrollment of
         * mobile devices is alike in all products. */
        bool general = role == ROLE_REPORTING_POINT || role == ROLE_POLICY_MODULE ||
                       role == ROLE_ENROLLMENT_PROXY_POINT;
        int shown = (int)strcspn(path, "?#");
        struct evidence_seen seen = evidence_of(d, at, "answered %" PRIu64 " to %.12s %.*s", status,
                                                method, shown > 60 ? 60 : shown, path);
        discovery_role(d, server, role, general ? SCORE_POSSIBLE : SCORE_CERTAIN, &seen);
    }
}

/* ---- TLS ---- */

#define LEGS_NS (2 * INT64_C(1000000000))

/* The first name of a server's certificate, else the name that was asked for. */
static const char *name_of_server(const struct observation *o)
{
    const char *subject = observation_text(o, FACT_TLS_CERTIFICATE_SUBJECT);
    for (const struct fact *f = observation_get(o, FACT_TLS_CERTIFICATE_SAN); f != NULL;
         f = observation_more(o, FACT_TLS_CERTIFICATE_SAN, f)) {
        if (begins(fact_text(o, f), "dns:")) {
            return fact_text(o, f) + 4;
        }
    }
    return subject != NULL && begins(subject, "CN=") && strchr(subject, ',') == NULL
               ? subject + 3
               : observation_text(o, FACT_TLS_SERVER_NAME);
}

static uint64_t hash_of_name(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; name != NULL && *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)tolower((unsigned char)*name)) * UINT64_C(0x100000001b3);
    }
    return name == NULL ? 0 : hash;
}

/* Who answers for a name and within moments asks that name's owner, or hands on the very same
 * ClientHello, stands between clients and owner. */
static void join_legs(struct discovery *d, struct discovered_host *h, const char *name)
{
    const struct discovered_leg *outer = &h->outer, *inner = &h->inner;
    int64_t later = inner->at.ns - outer->at.ns;
    if (outer->at.order == 0 || inner->at.order == 0 || outer->peer == inner->peer || later < 0 ||
        later > LEGS_NS) {
        return;
    }
    bool same = memcmp(outer->random, inner->random, sizeof outer->random) == 0;
    if (same || (outer->name != 0 && outer->name == inner->name)) {
        struct evidence_seen seen =
            evidence_of(d, outer->at, "passes on TLS %s%.100s", same ? "as it came" : "for ",
                        same || name == NULL ? "" : name);
        discovery_role(d, h, ROLE_WEB_PROXY, SCORE_LIKELY, &seen);
    }
}

static void note_legs(struct discovery *d, const struct observation *o)
{
    struct discovered_host *server = end_of(d, o, DIR_SERVER), *client = end_of(d, o, DIR_CLIENT);
    const struct fact *random = observation_get(o, FACT_TLS_CLIENT_RANDOM);
    const char *name = name_of_server(o);
    if (server == NULL || client == NULL || random == NULL) {
        return;
    }
    struct discovered_leg leg = {.name = hash_of_name(name),
                                 .at = observation_packet(o, FACT_TLS_CLIENT_HELLO_PACKET)};
    struct bytes octets = fact_octets(o, random);
    memcpy(leg.random, octets.at, octets.len < sizeof leg.random ? octets.len : sizeof leg.random);
    leg.peer = client;
    server->outer = leg;
    leg.peer = server;
    client->inner = leg;
    join_legs(d, server, name);
    join_legs(d, client, name);
}

static bool is_cloud_service(const char *name)
{
    static const char *const suffixes[] = {".cloudapp.net", ".cloudapp.azure.com"};
    bool found = false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && !found; i++) {
        size_t len = strlen(name), part = strlen(suffixes[i]);
        found = len > part && strcasecmp(name + len - part, suffixes[i]) == 0;
    }
    return found;
}

static void from_tls(struct discovery *d, const struct observation *o)
{
    struct stamp at = observation_packet(o, FACT_TLS_SERVER_HELLO_PACKET);
    const char *issuer = observation_text(o, FACT_TLS_CERTIFICATE_ISSUER);
    const char *asked = observation_text(o, FACT_TLS_SERVER_NAME);
    bool asks = observation_says(o, FACT_TLS_CLIENT_CERTIFICATE_REQUESTED) ||
                observation_get(o, FACT_TLS_CLIENT_CERTIFICATE_SUBJECT) != NULL;
    bool web = o->flow.ends[DIR_SERVER].port == 443;
    struct discovered_host *server = end_of(d, o, DIR_SERVER);
    if (at.order == 0 || server == NULL || !observation_says(o, FACT_TLS_ESTABLISHED)) {
        return;
    }
    note_legs(d, o);
    if (web) {
        discovery_use(d, server, USE_WEB, end_of(d, o, DIR_CLIENT), at);
        server->asks_at = asks && server->asks_at.order == 0 ? at : server->asks_at;
    }
    if (issuer != NULL && strstr(issuer, "CN=SMS Issuing") != NULL) {
        struct evidence_seen seen = evidence_of(d, at, "its certificate is from SMS Issuing");
        discovery_role(d, server, ROLE_MANAGEMENT_POINT, SCORE_POSSIBLE, &seen);
        discovery_role(d, server, ROLE_DISTRIBUTION_POINT, SCORE_POSSIBLE, &seen);
    } else if (web && asks) {
        struct evidence_seen seen = evidence_of(d, at, "asks its HTTPS clients for certificates");
        discovery_role(d, server, ROLE_MANAGEMENT_POINT, SCORE_POSSIBLE, &seen);
    }
    if (web && asked != NULL && is_cloud_service(asked)) {
        struct evidence_seen seen = evidence_of(d, at, "HTTPS by the name %.100s", asked);
        discovery_role(d, server, ROLE_CLOUD_MANAGEMENT_GATEWAY, SCORE_POSSIBLE, &seen);
    }
}

/* ---- databases and boot ---- */

static void from_sql(struct discovery *d, const struct observation *o)
{
    const char *database = observation_text(o, FACT_SQL_DATABASE_ENTERED);
    const char *application = observation_text(o, FACT_SQL_APPLICATION);
    database = database != NULL ? database : observation_text(o, FACT_SQL_DATABASE);
    if (database == NULL || !observation_is(o, FACT_SQL_RESULT, "success")) {
        return;
    }
    struct discovered_host *server = end_of(d, o, DIR_SERVER), *client = end_of(d, o, DIR_CLIENT);
    if (begins(database, "CM_") && strlen(database) == 6) {
        struct evidence_seen seen =
            evidence_of(d, o->at, "let a client into database %s", database);
        discovery_role(d, server, ROLE_SITE_DATABASE, SCORE_CERTAIN, &seen);
        discovery_site(d, server, database + 3, &seen);
        if (application != NULL && begins(application, "SMS Provider")) {
            seen = evidence_of(d, o->at, "logs on to %s as SMS Provider", database);
            discovery_role(d, client, ROLE_SMS_PROVIDER, SCORE_LIKELY, &seen);
        }
    } else if (strcasecmp(database, "SUSDB") == 0) {
        struct evidence_seen seen = evidence_of(d, o->at, "logs on to the database of WSUS");
        discovery_role(d, client, ROLE_SOFTWARE_UPDATE_POINT, SCORE_POSSIBLE, &seen);
    } else if (begins(database, "ReportServer")) {
        struct evidence_seen seen = evidence_of(d, o->at, "logs on to the database ReportServer");
        discovery_role(d, client, ROLE_REPORTING_POINT, SCORE_POSSIBLE, &seen);
    }
}

/* Numbers 243 and 252 are Configuration Manager's own (spec/signatures.md, section 8). */
static void from_dhcp(struct discovery *d, const struct observation *o)
{
    bool own = false;
    for (const struct fact *f = observation_get(o, FACT_DHCP_OPTIONS); f != NULL;
         f = observation_more(o, FACT_DHCP_OPTIONS, f)) {
        own |= strcmp(fact_text(o, f), "243") == 0 || strcmp(fact_text(o, f), "252") == 0;
    }
    if (observation_says(o, FACT_DHCP_PROXY) && observation_is(o, FACT_DHCP_MESSAGE, "ACK")) {
        struct evidence_seen seen = evidence_of(d, o->at, "answers PXE clients on port 4011");
        discovery_role(d, end_of(d, o, o->dir), ROLE_DISTRIBUTION_POINT,
                       own ? SCORE_LIKELY : SCORE_POSSIBLE, &seen);
    }
}

void discovery_evidence(struct discovery *d, const struct observation *o)
{
    static void (*const readers[RECORD_COUNT])(struct discovery *, const struct observation *) = {
        [RECORD_FLOW] = from_flow, [RECORD_KERBEROS] = from_kerberos, [RECORD_LDAP] = from_ldap,
        [RECORD_NTLM] = from_ntlm, [RECORD_DCERPC] = from_dcerpc,     [RECORD_DNS] = from_dns,
        [RECORD_SMB] = from_smb,   [RECORD_HTTP] = from_http,         [RECORD_TLS] = from_tls,
        [RECORD_SQL] = from_sql,   [RECORD_DHCP] = from_dhcp,
    };
    if (readers[o->record] != NULL) {
        readers[o->record](d, o);
    }
}
