/*
 * rules_admin.c - chapter J: who administers. R110 the SMS Provider's callers, R112 remote
 * administration, R113 remote control, R115 PXE, R116 name look-ups that anybody may
 * answer.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "capture/decode.h"
#include "policy/boot.h"
#include "policy/topology.h"

static bool is_allowed(const struct scene *scene, const char *protocol)
{
    struct connection c = {.client = &scene->ends[DIR_CLIENT],
                           .server = &scene->ends[DIR_SERVER],
                           .transport = scene->o->flow.protocol,
                           .protocol = protocol};
    const struct matrix_exception *e = matrix_exception_of(scene->policy, &c);
    return e != NULL && e->allow;
}

/* ---- R110 ---- */

#define PROVIDER ROLE_BIT(ROLE_SMS_PROVIDER)
/* Roles whose own clients come to port 443 of the same host. */
#define OTHER_WEB                                                                                  \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) |                       \
     ROLE_BIT(ROLE_STATE_MIGRATION_POINT) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                      \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) | ROLE_BIT(ROLE_APPCAT_WEBSITE) |                       \
     ROLE_BIT(ROLE_APPCAT_WEB_SERVICE) | ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) |           \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT))
/* Microsoft Learn, "Ports used": what calls the SMS Provider, consoles apart. */
#define PROVIDER_USERS                                                                             \
    (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE) | PROVIDER |                  \
     ROLE_BIT(ROLE_SERVICE_CONNECTION_POINT) | ROLE_BIT(ROLE_CMG_CONNECTION_POINT) |               \
     ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_REPORTING_POINT))

enum door { NO_DOOR, DOOR_PATH, DOOR_TLS, DOOR_SHARED, DOOR_WMI };

static enum door door_of(const struct observation *o, const struct party *server)
{
    const char *uri = observation_text(o, FACT_HTTP_URI);
    if (o->record == RECORD_HTTP) {
        return uri != NULL && strncasecmp(uri, "/AdminService", 13) == 0 ? DOOR_PATH : NO_DOOR;
    }
    if (o->record == RECORD_DCERPC) {
        bool opened = observation_is(o, FACT_DCERPC_INTERFACE, "IWbemLevel1Login") &&
                      !observation_is(o, FACT_DCERPC_RESULT, "rejected");
        return opened ? DOOR_WMI : NO_DOOR;
    }
    if (server->port != 443 || !observation_says(o, FACT_TLS_ESTABLISHED)) {
        return NO_DOOR;
    }
    return (party_roles(server) & OTHER_WEB) != 0 ? DOOR_SHARED : DOOR_TLS;
}

static void report_caller(struct audit *a, const struct rule *r, const struct observation *o,
                          enum door door)
{
    static const char *const doors[] = {[DOOR_PATH] = "the administration service by plain HTTP",
                                        [DOOR_TLS] = "the administration service (TLS on 443)",
                                        [DOOR_WMI] = "WMI (IWbemLevel1Login)"};
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp proof = observation_packet(o, door == DOOR_PATH  ? FACT_HTTP_REQUEST_PACKET
                                               : door == DOOR_TLS ? FACT_TLS_CLIENT_HELLO_PACKET
                                                                  : FACT_DCERPC_REQUEST_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .claims_flow = true,
                       .kind = door == DOOR_WMI ? "wmi" : "adminservice",
                       .confidence = door == DOOR_TLS ? CONFIDENCE_DERIVED : CONFIDENCE_PROVEN,
                       .at = &proof};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    finding_evidence(a, f, proof, "%s asked for %s", party_text(client, client_text), doors[door]);
    finding_explain(a, f,
                    "%s, which is neither a console nor a declared administrator, used %s of the "
                    "SMS Provider %s.",
                    client_text, doors[door], party_text(server, server_text));
    finding_remedy(a, f,
                   "If %s is meant to (a script, a report), declare it under `administrators` or "
                   "`matrix`; otherwise let the firewall of %s admit consoles only, and require "
                   "multifactor authentication for administrators.",
                   client_text, server->host->name);
}

static void observe_caller(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = judged_server(a, PROVIDER);
    enum door door = server == NULL ? NO_DOOR : door_of(o, server);
    if (door == NO_DOOR || client->host == server->host) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (door == DOOR_SHARED) {
        judge_hidden(a, r, subject,
                     "Other roles of the host answer on the same port, so that calls of the "
                     "administration service cannot be told from their clients'.");
    } else if (party_is_administrator(client) || (party_roles(client) & PROVIDER_USERS) != 0 ||
               is_allowed(scene, door == DOOR_WMI ? "dcerpc" : "tls")) {
        judge_fine(a, r, subject, "Consoles, administrators and the site's own servers called it.");
    } else {
        report_caller(a, r, o, door);
    }
}

static void finish_caller(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, PROVIDER, "Nobody called this SMS Provider in the capture.");
}

const struct rule rule_adminservice_or_provider_unexpected_caller = {
    .code = "R110",
    .name = "adminservice-or-provider-unexpected-caller",
    .title = "SMS Provider called from a host that is no console",
    .severity = SEVERITY_HIGH,
    .statements = "S01",
    .references = "Microsoft Learn: Ports used in Configuration Manager (administration "
                  "service)\nMisconfiguration Manager: PREVENT-9, PREVENT-20, EXEC-1, RECON-4, "
                  "CRED-7\nMITRE ATT&CK T1072",
    .means = "The SMS Provider lets its caller do whatever the caller's role in the hierarchy "
             "allows: run programs on all clients, read accounts. It was called from a host that "
             "is not known as an administrator's.",
    .evidence = "A completed TLS handshake on port 443 of a provider that is no other web server, "
                "a request for /AdminService, or a bind to IWbemLevel1Login. Consoles, declared "
                "administrators, site servers, providers, service and gateway connection points, "
                "management and reporting points, and what the policy's `matrix` allows do not "
                "count. Where another web role shares the host, calls cannot be told apart. Task "
                "sequence scripts and reports that use the service are to be declared.",
    .remediation = "Restrict ports 443, 135 and the dynamic ports of the provider to consoles.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS | 1u << RECORD_DCERPC,
    .observe = observe_caller,
    .finish = finish_caller,
};

/* ---- R112 ---- */

static const struct remote_way {
    const char *protocol, *name;
    uint16_t ports[2];
} remote_ways[] = {
    {"rdp", "Remote Desktop", {3389, 0}},
    {"winrm", "WinRM", {5985, 5986}},
    {"ssh", "SSH", {22, 0}},
};

/* By its content where that tells, by its port where nothing contradicts. */
static const struct remote_way *remote_way_of(const struct observation *o, uint16_t port,
                                              bool *ret_seen)
{
    const char *protocol = observation_text(o, FACT_FLOW_PROTOCOL),
               *application = observation_text(o, FACT_FLOW_APPLICATION);
    bool content = !observation_is(o, FACT_FLOW_IDENTIFIED_BY, "port");
    for (size_t i = 0; i < sizeof remote_ways / sizeof *remote_ways; i++) {
        const struct remote_way *w = &remote_ways[i];
        bool named = (protocol != NULL && strcasecmp(protocol, w->protocol) == 0) ||
                     (application != NULL && strcasecmp(application, w->protocol) == 0);
        bool at_port = port == w->ports[0] || (w->ports[1] != 0 && port == w->ports[1]);
        *ret_seen = named && content;
        if (*ret_seen || at_port) {
            return w;
        }
    }
    return NULL;
}

static void report_remote(struct audit *a, const struct rule *r, const struct observation *o,
                          const struct remote_way *way, bool seen)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .claims_flow = true,
                       .confidence = seen ? CONFIDENCE_PROVEN : CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    finding_evidence(a, f, opening, "SYN to port %u (%s)", server->port, way->name);
    finding_evidence(a, f, observation_packet(o, FACT_FLOW_ANSWER_PACKET), "the server answers");
    finding_explain(a, f,
                    "%s, which is no declared administrator, was answered by the site system %s "
                    "on port %u: %s%s.",
                    party_text(client, client_text), party_text(server, server_text), server->port,
                    way->name, seen ? "" : ", by its port");
    finding_remedy(a, f,
                   "Let the firewall of %s admit %s from administrators' hosts only; declare %s "
                   "under `administrators` if it is one.",
                   server->host->name, way->name, client_text);
}

static void observe_remote(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool seen = false;
    const struct remote_way *way =
        party_is_site_system(server) && o->flow.protocol == IP_TCP && topology_is_answered(o)
            ? remote_way_of(o, server->port, &seen)
            : NULL;
    if (way == NULL || client->host == server->host) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (party_is_administrator(client) || is_allowed(scene, way->protocol)) {
        judge_fine(a, r, subject, "Declared administrators administered it.");
    } else if (!o->flow.direction_certain && !seen) {
        judge_hidden(a, r, subject,
                     "A connection at a port for administration was seen without its opening and "
                     "content.");
    } else {
        report_remote(a, r, o, way, seen);
    }
}

static void finish_remote(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(),
                 "Nobody administered this host by Remote Desktop, WinRM or SSH in the capture.");
}

const struct rule rule_remote_admin_to_site_system = {
    .code = "R112",
    .name = "remote-admin-to-site-system",
    .title = "Site system administered from a host that is no administrator's",
    .severity = SEVERITY_HIGH,
    .statements = "S01",
    .references = "Misconfiguration Manager: PREVENT-20\nMITRE ATT&CK T1021.001, T1021.006",
    .means = "A site system can be administered by Remote Desktop, WinRM or SSH from a place that "
             "is not declared as an administrator's. Stolen credentials are enough from there, "
             "and whoever holds a site system can go on to the site.",
    .evidence = "Connections to declared site systems that were answered and are Remote Desktop, "
                "WinRM or SSH by their content, or by port 3389, 5985, 5986 or 22 (then no more "
                "than medium). Consoles, declared administrators (jump hosts belong there) and "
                "what the policy's `matrix` allows do not count.",
    .remediation =
        "Let host firewalls admit these ports from jump hosts only, and declare those hosts.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_remote,
    .finish = finish_remote,
};

/* ---- R113 ---- */

enum { REMOTE_CONTROL_PORT = 2701 };

static void report_control(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp opening = observation_packet(o, FACT_FLOW_OPENING_PACKET);
    bool answered = topology_is_answered(o);
    struct breach b = {.subject = {.host = client->host},
                       .client = client,
                       .server = server,
                       .severity = answered ? SEVERITY_MEDIUM : SEVERITY_LOW,
                       .confidence = CONFIDENCE_INFERRED,
                       .at = &opening};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    finding_evidence(a, f, opening, "SYN to port 2701");
    if (answered) {
        finding_evidence(a, f, observation_packet(o, FACT_FLOW_ANSWER_PACKET),
                         "the client answers");
    }
    finding_explain(a, f,
                    "%s, which is neither a console nor a declared administrator, %s the remote "
                    "control port of the client %s.",
                    party_text(client, client_text), answered ? "connected to" : "tried",
                    party_text(server, server_text));
    finding_remedy(a, f,
                   "Let the clients' firewall admit port 2701 from consoles only, and do not let "
                   "remote control go on when Kerberos fails.");
}

static void observe_control(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (server->port != REMOTE_CONTROL_PORT || o->flow.protocol != IP_TCP ||
        server->group == NULL || server->group->administrators) {
        return;
    }
    struct subject subject = {.host = client->host};
    if (party_is_administrator(client) || is_allowed(scene, "remote-control")) {
        judge_fine(a, r, subject, "Consoles and declared administrators controlled clients.");
    } else if (!o->flow.direction_certain) {
        judge_hidden(a, r, subject,
                     "Traffic with port 2701 of a client was seen, but not who opened it.");
    } else {
        report_control(a, r, o);
    }
}

static void finish_control(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL},
                   "No connection to a client's remote control port is in the capture.");
}

const struct rule rule_remote_control_unexpected = {
    .code = "R113",
    .name = "remote-control-unexpected",
    .title = "Remote control from a host that is no console",
    .severity = SEVERITY_MEDIUM,
    .statements = "S08",
    .references = "Microsoft Learn: Ports used in Configuration Manager (console to client)\n"
                  "Microsoft Learn: Security and privacy for remote control",
    .means = "Remote control shows a client's screen and takes its keyboard. It was started from "
             "a host that is not known as a console.",
    .evidence = "A SYN to port 2701 of an address in a declared client network; low where nothing "
                "answered. What is spoken there is not looked at, so the finding is inferred and "
                "another program at that port looks alike. Consoles, declared administrators and "
                "what the policy's `matrix` allows do not count.",
    .remediation = "Let the clients' firewalls admit port 2701 from consoles only.",
    .records = 1u << RECORD_FLOW,
    .observe = observe_control,
    .finish = finish_control,
};

/* ---- R115 ---- */

/* Where the machine that boots stands: at its relay, else at the address it has. False: its
 * broadcast does not tell. */
static bool boots_at(const struct scene *scene, const struct observation *o, struct address *ret)
{
    if (boot_address(o, FACT_DHCP_RELAY, ret) || boot_address(o, FACT_DHCP_CLIENT_IP, ret)) {
        return true;
    }
    *ret = scene->ends[o->dir].address;
    return address_is_host(ret);
}

/* Machines that booted lately, by hardware address, and who answered each last. */
#define BOOTS 256
#define BOOT_NS (60 * INT64_C(1000000000))

struct boot {
    char mac[24];
    struct stamp asked, answered; /* order 0: not */
    struct address by;
};
struct boots {
    struct boot slots[BOOTS];
};

static struct boot *boot_of(struct audit *a, const struct rule *r, const struct observation *o)
{
    const char *mac = observation_text(o, FACT_DHCP_CLIENT_MAC);
    struct boots *all = mac == NULL ? NULL : audit_state(a, r, sizeof *all);
    if (all == NULL) {
        return NULL;
    }
    uint32_t hash = 5381;
    for (const char *c = mac; *c != '\0'; c++) {
        hash = hash * 33 + (uint8_t)*c;
    }
    struct boot *slot = &all->slots[hash % BOOTS];
    if (strncmp(slot->mac, mac, sizeof slot->mac - 1) != 0) {
        *slot = (struct boot){.asked = {0}};
        (void)snprintf(slot->mac, sizeof slot->mac, "%s", mac);
    }
    return slot;
}

static bool is_lately(struct stamp earlier, struct stamp now)
{
    return earlier.order != 0 && now.ns - earlier.ns <= BOOT_NS;
}

/* An answer to a machine that boots, without PXE's own class: it tells where to boot from all the
 * same, unless it sends the machine to a declared host, as plain DHCP servers are set up to. */
static bool offers_boot(const struct policy *p, const struct observation *o)
{
    const char *server = observation_text(o, FACT_DHCP_BOOT_SERVER);
    struct address next;
    if (boot_address(o, FACT_DHCP_NEXT_SERVER, &next) && policy_host(p, &next) != NULL) {
        return false;
    }
    if (server != NULL && (policy_host_named(p, server) != NULL ||
                           (address_parse(server, &next) && policy_host(p, &next) != NULL))) {
        return false;
    }
    return observation_get(o, FACT_DHCP_BOOT_FILE) != NULL;
}

static void report_boot(struct audit *a, const struct rule *r, const struct observation *o,
                        const struct party *party, const struct boot *earlier)
{
    const char *file = observation_text(o, FACT_DHCP_BOOT_FILE),
               *mac = observation_text(o, FACT_DHCP_CLIENT_MAC),
               *message = observation_text(o, FACT_DHCP_MESSAGE);
    bool answer = boot_is_answer(o);
    struct breach b = {.subject = {.host = NULL},
                       .client = answer ? NULL : party,
                       .server = answer ? party : NULL,
                       .kind = answer ? "responder" : "client",
                       .severity = answer ? SEVERITY_HIGH : SEVERITY_MEDIUM,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = !answer           ? NULL
                                : earlier != NULL ? "PXE answered by a second host, which is not "
                                                    "declared"
                                                  : "PXE answered by a host that is not declared"};
    char text[PARTY_TEXT], other[ADDRESS_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (!is_new) {
        return;
    }
    message = message == NULL ? "message" : message;
    mac = mac == NULL ? "unknown" : mac;
    if (earlier != NULL) {
        finding_evidence(a, f, earlier->answered, "%s answered the same machine",
                         address_format(&earlier->by, other));
    }
    finding_evidence(a, f, o->at, "DHCP %s of PXE, hardware address %.40s", message, mac);
    if (answer) {
        finding_explain(a, f,
                        "%s, which the policy does not declare, answered a machine that boots from "
                        "the network (boot file %.120s): machines that take its answer run what it "
                        "sends.",
                        party_text(party, text), file == NULL ? "not named" : file);
        finding_remedy(a, f,
                       "Find %s and stop it; have the switches drop DHCP answers from other ports "
                       "than those of the declared servers (DHCP snooping).",
                       text);
    } else {
        finding_explain(a, f, "The machine %.40s boots by PXE at %s, which lies in no %s.", mac,
                        party_text(party, text),
                        audit_policy(a)->boot_network_count > 0 ? "network of `pxe` in the policy"
                                                                : "declared client network");
        finding_remedy(a, f,
                       "Forward PXE only from the segments where machines are to be installed, set "
                       "a PXE password, and declare those segments under `pxe`.");
    }
}

static void observe_boot(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const char *class = observation_text(o, FACT_DHCP_VENDOR_CLASS);
    bool pxe = (class != NULL && strncmp(class, "PXEClient", 9) == 0) ||
               observation_says(o, FACT_DHCP_PROXY);
    struct subject everywhere = {.host = NULL};
    struct address address;
    bool answer = boot_is_answer(o);
    struct boot *boot = pxe || answer ? boot_of(a, r, o) : NULL;
    if (boot != NULL && !answer) {
        boot->asked = o->at;
    }
    pxe |= answer && boot != NULL && is_lately(boot->asked, o->at) && offers_boot(scene->policy, o);
    if (!pxe) {
        return;
    }
    if (!(answer ? boot_answered_by : boots_at)(scene, o, &address)) {
        judge_hidden(a, r, everywhere,
                     answer ? "An answer of PXE does not tell who gave it."
                            : "A broadcast does not tell in which network a machine boots.");
        return;
    }
    struct party party = party_at(scene->policy, &address);
    bool declared = scene->policy->boot_network_count > 0
                        ? policy_boots(scene->policy, &address)
                        : party.host != NULL || party.group != NULL;
    if (answer ? party.host != NULL : declared) {
        judge_fine(a, r, everywhere,
                   answer ? "Machines that boot by PXE were answered by declared hosts."
                          : "Machines booted by PXE in declared networks.");
    } else {
        bool second = answer && boot != NULL && is_lately(boot->answered, o->at) &&
                      !address_equal(&boot->by, &address);
        report_boot(a, r, o, &party, second ? boot : NULL);
    }
    if (answer && boot != NULL) {
        boot->answered = o->at;
        boot->by = address;
    }
}

static void finish_boot(struct audit *a, const struct rule *r)
{
    judge_expected(a, r, (struct subject){.host = NULL}, "No PXE boot is in the capture.");
}

const struct rule rule_pxe_outside_authorised_segment = {
    .code = "R115",
    .name = "pxe-outside-authorised-segment",
    .title = "PXE boot in a network that is not declared",
    .severity = SEVERITY_MEDIUM,
    .statements = "S01",
    .references = "PXE 2.1 2.2\nMisconfiguration Manager: PREVENT-21, ELEVATE-4, CRED-1\n"
                  "MITRE ATT&CK T1542.005",
    .means = "Whoever can boot by PXE can fetch boot media, and with them the secrets of task "
             "sequences; whoever can answer a PXE boot can take over the machine. Medium for a "
             "boot outside the networks under `pxe` (where the policy has none: outside the "
             "client networks), high for an answer by a host that the policy does not know.",
    .evidence = "DHCP messages with vendor class PXEClient or on port 4011: the relay's, client's "
                "or given address, and the sender of answers. A broadcast without a relay does "
                "not tell where it comes from. Every declared host may answer, since a DHCP server "
                "on the same host answers as well. To a machine that asked as PXEClient within the "
                "last minute any answer with a boot file counts that does not send it to a "
                "declared host, and an answer after another's is called so.",
    .remediation = "Forward PXE from installation segments only; DHCP snooping; a PXE password.",
    .records = 1u << RECORD_DHCP,
    .observe = observe_boot,
    .finish = finish_boot,
};

/* ---- R116 ---- */

static const char *spoofable_way(const struct observation *o)
{
    const char *kind = observation_text(o, FACT_DNS_KIND);
    if (o->record == RECORD_SQL) {
        return observation_is(o, FACT_SQL_MESSAGE, "ssrp") ? "SQL Server Browser" : NULL;
    }
    if (kind == NULL || observation_get(o, FACT_DNS_QUERY) == NULL ||
        observation_get(o, FACT_DNS_OPCODE) != NULL) {
        return NULL;
    }
    return strcmp(kind, "llmnr") == 0  ? "LLMNR"
           : strcmp(kind, "nbns") == 0 ? "NetBIOS names"
           : strcmp(kind, "mdns") == 0 ? "mDNS"
                                       : NULL;
}

static void report_lookup(struct audit *a, const struct rule *r, const struct observation *o,
                          const char *way)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    bool dns = o->record == RECORD_DNS;
    struct stamp question =
        observation_packet_or_own(o, dns ? FACT_DNS_REQUEST_PACKET : FACT_SQL_REQUEST_PACKET);
    const char *asked = observation_text(o, dns ? FACT_DNS_QUERY : FACT_SQL_REQUEST);
    struct breach b = {.subject = {.host = client->host},
                       .client = client,
                       .kind = way,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &question};
    char client_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    asked = asked == NULL ? "" : asked;
    finding_evidence(a, f, question, "%s asked for %.120s", way, asked);
    if (is_new) {
        finding_explain(a, f,
                        "The site system %s looked for \"%.120s\" by %s, which any host that hears "
                        "it can answer.",
                        party_text(client, client_text), asked, way);
        if (dns) {
            finding_remedy(a, f, "Make the name resolvable by DNS, and turn %s off on %s.", way,
                           client->host->name);
        } else {
            finding_remedy(a, f,
                           "Give the instance a fixed port and name it in the connections of %s, "
                           "then stop the SQL Server Browser.",
                           client->host->name);
        }
    }
}

static void observe_lookup(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    if (!party_is_site_system(client)) {
        return;
    }
    struct subject subject = {.host = client->host};
    const char *way = spoofable_way(o);
    if (way == NULL) {
        if (observation_is(o, FACT_DNS_KIND, "dns")) {
            judge_fine(a, r, subject, "It asked name servers.");
        }
    } else if ((party_roles(server) & ROLE_BIT(ROLE_WINS)) != 0) {
        judge_fine(a, r, subject, "It asked the declared WINS server.");
    } else {
        report_lookup(a, r, o, way);
    }
}

static void finish_lookup(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_site_systems(), "No name look-up of this host is in the capture.");
}

const struct rule rule_sql_browser_or_llmnr_name_lookup = {
    .code = "R116",
    .name = "sql-browser-or-llmnr-name-lookup",
    .title = "Site system looks for a name in a way that anybody may answer",
    .severity = SEVERITY_LOW,
    .statements = "S76",
    .references = "RFC 4795 5\n[MC-SQLR] 5.1\nMicrosoft Learn: Ports used in Configuration "
                  "Manager\nMITRE ATT&CK T1557.001",
    .means = "LLMNR, NetBIOS names, mDNS and the SQL Server Browser are answered by whoever is "
             "quickest, without proof. A site system that takes a wrong answer authenticates to "
             "an attacker, who passes that on.",
    .evidence = "Questions of declared site systems by these protocols: what they announce or "
                "register of themselves does not count, nor do questions to a declared WINS "
                "server.",
    .remediation = "Resolve names by DNS; turn LLMNR, NetBIOS over TCP/IP and mDNS off; give SQL "
                   "instances fixed ports.",
    .records = 1u << RECORD_DNS | 1u << RECORD_SQL,
    .observe = observe_lookup,
    .finish = finish_lookup,
};
