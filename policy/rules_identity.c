/*
 * rules_identity.c - chapter J: R114, requests to a management point that do not look like a
 * client's.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dissect/text.h"
#include "policy/flow_notes.h"
#include "policy/sign_on.h"

#define SECOND INT64_C(1000000000)
#define IDENTITY_NS (600 * SECOND)
#define IDENTITIES 3
#define SENDERS 1024

struct sender { /* what an address said of itself lately */
    struct address address;
    struct stamp registered; /* its last registration */
    bool odd_agent;          /* which no client's program sent */
    unsigned next;
    struct {
        struct stamp at;
        char guid[44];
    } last[IDENTITIES]; /* distinct identities */
};

struct senders {
    struct sender slots[SENDERS];
    struct flow_notes windows; /* connections to the path that takes Windows accounts */
};

static struct sender *sender_of(struct senders *all, const struct address *address)
{
    struct sender *slot = &all->slots[address_hash(address) % SENDERS];
    if (!address_equal(&slot->address, address)) {
        *slot = (struct sender){.address = *address};
    }
    return slot;
}

/* Identities within the window, with this one. */
static unsigned note_identity(struct sender *slot, const char *guid, struct stamp at)
{
    size_t len = strlen(guid);
    char kept[sizeof slot->last[0].guid] = "";
    memcpy(kept, guid, len < sizeof kept ? len : sizeof kept - 1);
    unsigned known = IDENTITIES, count = 0;
    for (unsigned i = 0; i < IDENTITIES; i++) {
        known = strcasecmp(slot->last[i].guid, kept) == 0 ? i : known;
    }
    if (known == IDENTITIES) {
        known = slot->next++ % IDENTITIES;
        memcpy(slot->last[known].guid, kept, sizeof kept);
    }
    slot->last[known].at = at;
    for (unsigned i = 0; i < IDENTITIES; i++) {
        count += slot->last[i].at.order != 0 && at.ns - slot->last[i].at.ns <= IDENTITY_NS;
    }
    return count;
}

/* ---- names ---- */

static bool same_label(const char *x, const char *y)
{
    size_t len = strcspn(x, ".");
    return len > 0 && len == strcspn(y, ".") && strncasecmp(x, y, len) == 0;
}

/* Whether a computer's name is the sender's. Of senders that are not declared only those names
 * count that hosts prove or ask leases with; DNS may be stale. */
static enum name_fit sender_fits(const struct audit *a, const struct party *client,
                                 const char *name)
{
    const struct host *named = policy_host_named(audit_policy(a), name);
    if (name[0] == '\0' || party_is_many(a, client)) {
        return NAME_UNKNOWN;
    }
    if (named != NULL && named != client->host) {
        return named->address_count > 0 ? NAME_OTHER : NAME_UNKNOWN;
    }
    if (client->host != NULL) {
        return named != NULL ? NAME_FITS : NAME_OTHER;
    }
    enum name_fit fit = NAME_UNKNOWN;
    for (const struct learned_name *n = identity_names(audit_identity(a), &client->address);
         n != NULL; n = n->next) {
        if (same_label(n->name, name)) {
            return NAME_FITS;
        }
        bool own = n->source == NAMED_BY_KERBEROS || n->source == NAMED_BY_NTLM ||
                   n->source == NAMED_BY_DHCP;
        fit = own ? NAME_OTHER : fit;
    }
    return fit;
}

/* ---- signs ---- */

struct sign {
    const char *kind, *says;
    enum severity severity;
    enum confidence confidence;
};

/* Message IDs that sccmhunter and SCCMSecrets send always the same; a client makes a new one each
 * time. */
static bool is_tools_message(const struct observation *o)
{
    static const char *const ids[] = {"5DD100CD-DF1D-45F5-BA17-A327F43465F8",
                                      "041A35B4-DCEE-4F64-A978-D4D489F47D28",
                                      "CA6A20DC-2440-44B1-A78F-E2FE792973BA"};
    const char *id = observation_text(o, FACT_HTTP_CCM_MESSAGE_ID);
    for (size_t i = 0; id != NULL && i < sizeof ids / sizeof *ids; i++) {
        if (text_holds(id, ids[i])) {
            return true;
        }
    }
    return false;
}

/* The version that these tools claim to be of: that of 1511, the first of the current branch. */
static bool is_tools_version(const struct audit *a, const struct observation *o)
{
    return observation_is(o, FACT_HTTP_CCM_VERSION, "5.00.8325.0000") &&
           audit_policy(a)->profile != PROFILE_ARTICLE;
}

static bool is_agent_of_client(const struct observation *o)
{
    static const char *const agents[] = {"SMS CCM", "ConfigMgr", "ccmhttp", "ccmsetup"};
    const char *agent = observation_text(o, FACT_HTTP_USER_AGENT);
    for (size_t i = 0; agent != NULL && i < sizeof agents / sizeof *agents; i++) {
        if (strncasecmp(agent, agents[i], strlen(agents[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_registration(const struct observation *o)
{
    return text_holds(observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT), "MP_ClientRegistration");
}

/* A discovery record whose addresses are all others' than the sender's, one of them declared to be
 * somebody's: a client states every address it has, the one it sends from among them. */
static bool names_others_address(const struct audit *a, const struct observation *o,
                                 const struct party *client)
{
    bool others = false;
    for (const struct fact *f = observation_get(o, FACT_HTTP_CCM_ADDRESSES); f != NULL;
         f = observation_more(o, FACT_HTTP_CCM_ADDRESSES, f)) {
        struct address address;
        if (!address_parse(fact_text(o, f), &address) || !address_is_host(&address)) {
            continue;
        }
        const struct host *host = policy_host(audit_policy(a), &address);
        if (address_equal(&address, &client->address) || (host != NULL && host == client->host)) {
            return false;
        }
        others |= host != NULL || policy_group(audit_policy(a), &address) != NULL;
    }
    return others && !party_is_many(a, client);
}

/* Signs that a request bears in itself. */
static const struct sign *sign_of(const struct audit *a, const struct observation *o,
                                  const struct party *client)
{
    static const struct sign tool = {"tool",
                                     "sent a message with an ID that attack tools have built in",
                                     SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign version = {
        "version",
        "named itself a client of version 5.00.8325.0000, which attack tools have built in",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign agent = {"agent",
                                      "spoke to the management point by a script's HTTP library",
                                      SEVERITY_HIGH, CONFIDENCE_PROVEN};
    static const struct sign registers = {
        "registration",
        "registered itself as a client, although it lies in no declared client network",
        SEVERITY_HIGH, CONFIDENCE_PROVEN};
    static const struct sign media = {
        "media",
        "asked for the key information of boot media, although it lies in no declared client "
        "network",
        SEVERITY_HIGH, CONFIDENCE_PROVEN};
    static const struct sign lure = {
        "discovery",
        "sent a discovery record of another computer, which makes the site push a client to it",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign elsewhere = {
        "discovery",
        "sent a discovery record with the addresses of another computer, which makes the site push "
        "a client to them",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    if (is_tools_message(o)) {
        return &tool;
    }
    if (is_tools_version(a, o)) {
        return &version;
    }
    if (text_holds(observation_text(o, FACT_HTTP_USER_AGENT), "python")) {
        return &agent;
    }
    if (text_holds(observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT), "MP_DdrEndpoint")) {
        const char *computer = observation_text(o, FACT_HTTP_CCM_COMPUTER);
        computer = computer != NULL ? computer : observation_text(o, FACT_HTTP_CCM_SOURCE_HOST);
        enum name_fit fit = computer == NULL ? NAME_UNKNOWN : sender_fits(a, client, computer);
        if (fit == NAME_OTHER) {
            return &lure;
        }
        if (fit == NAME_UNKNOWN && names_others_address(a, o, client)) {
            return &elsewhere;
        }
    }
    if (party_is_declared(client)) {
        return NULL;
    }
    return is_registration(o)                                                        ? &registers
           : text_holds(observation_text(o, FACT_HTTP_URI), "MPKEYINFORMATIONMEDIA") ? &media
                                                                                     : NULL;
}

/* A client that got policies with secrets right after it had registered. Members of a domain are
 * approved automatically by default and do so when they were just installed; one that nobody
 * vouches for was approved without anybody looking, and a program that is not the client's never
 * is one. */
static const struct sign *approval_sign(const struct sender *slot, const struct observation *o,
                                        const struct party *client, const struct site *site)
{
    static const struct sign against = {
        "policy",
        "was given policies with secrets within ten minutes of registering itself, although the "
        "site approves clients by hand",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign program = {
        "policy",
        "registered itself and fetched policies with secrets within ten minutes, by another "
        "program than the client's",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign declared = {
        "policy",
        "was given policies with secrets within ten minutes of registering itself, as the site is "
        "declared to approve every client",
        SEVERITY_MEDIUM, CONFIDENCE_DERIVED};
    static const struct sign approved = {
        "policy",
        "was given policies with secrets within ten minutes of registering itself, so it was "
        "approved without anybody looking",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    enum approval approval = site == NULL ? APPROVAL_UNDECLARED : site->approval;
    if (client->host == NULL && approval == APPROVAL_MANUAL) {
        return &against;
    }
    if (slot->odd_agent || !is_agent_of_client(o)) {
        return &program;
    }
    if (client->host != NULL || party_forest(client) != NULL) {
        return NULL;
    }
    return approval == APPROVAL_ALL ? &declared : &approved;
}

/* Signs that only earlier requests of the same address make. */
static const struct sign *sign_of_sender(const struct audit *a, const struct observation *o,
                                         struct sender *slot)
{
    static const struct sign many = {"identities",
                                     "gave itself three different client identities within ten "
                                     "minutes",
                                     SEVERITY_MEDIUM, CONFIDENCE_DERIVED};
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT],
                       *server = &audit_scene(a)->ends[DIR_SERVER];
    const char *guid = observation_text(o, FACT_HTTP_CCM_SOURCE_ID);
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    if (party_is_many(a, client)) {
        return NULL;
    }
    if (is_registration(o)) {
        slot->registered = request;
        slot->odd_agent = !is_agent_of_client(o);
    }
    bool fetched = observation_says(o, FACT_HTTP_CCM_CLIENT_TOKEN) &&
                   observation_number(o, FACT_HTTP_STATUS, 0) == 200 &&
                   text_holds(observation_text(o, FACT_HTTP_URI), ".sms_pol");
    bool lately = slot->registered.order != 0 && request.ns - slot->registered.ns <= IDENTITY_NS;
    const struct sign *sign =
        fetched && lately ? approval_sign(slot, o, client, server->host->site) : NULL;
    if (sign != NULL || guid == NULL || client->host != NULL) {
        return sign;
    }
    return note_identity(slot, guid, o->at) >= IDENTITIES ? &many : NULL;
}

/* What clients ask a management point for. */
static bool is_for_management_point(const struct observation *o)
{
    const char *uri = observation_text(o, FACT_HTTP_URI);
    return observation_is(o, FACT_HTTP_METHOD, "CCM_POST") || text_holds(uri, "/SMS_MP/") ||
           text_holds(uri, "/ccm_system");
}

/* ---- the rule ---- */

static struct finding *report_anomaly(struct audit *a, const struct rule *r,
                                      const struct sign *sign, const struct stamp *at,
                                      const char *shown)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = sign->kind,
                       .severity = sign->severity,
                       .confidence = sign->confidence,
                       .at = at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, *at, "%.160s", shown);
    if (is_new) {
        finding_explain(a, f, "%s %s (%s).", party_text(client, client_text), sign->says,
                        party_text(server, server_text));
        finding_remedy(a, f,
                       "Find out what ran on %s; look for new client records that nobody "
                       "installed, and remove them. Require client certificates at %s, approve "
                       "clients by hand, and set the machine account quota to 0.",
                       client_text, server->host->name);
    }
    return f;
}

static struct finding *report_request(struct audit *a, const struct rule *r,
                                      const struct observation *o, const struct sign *sign)
{
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    const char *method = observation_text(o, FACT_HTTP_METHOD),
               *uri = observation_text(o, FACT_HTTP_URI);
    const char *computer = observation_text(o, FACT_HTTP_CCM_COMPUTER);
    char shown[240];
    (void)snprintf(shown, sizeof shown, "%.10s %.120s%s%.60s", method == NULL ? "request" : method,
                   uri == NULL ? "" : uri, computer == NULL ? "" : " of ",
                   computer == NULL ? "" : computer);
    return report_anomaly(a, r, sign, &request, shown);
}

static void observe_request(struct audit *a, const struct rule *r, const struct observation *o,
                            struct senders *all)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT],
                       *server = &audit_scene(a)->ends[DIR_SERVER];
    if (!is_for_management_point(o)) {
        return;
    }
    if (text_holds(observation_text(o, FACT_HTTP_URI), "/ccm_system_windowsauth")) {
        (void)flow_note(a, &all->windows, o->flow.id, true);
    }
    struct sender *slot = sender_of(all, &client->address);
    const struct sign *sign = sign_of(a, o, client), *earlier = sign_of_sender(a, o, slot);
    sign = sign != NULL ? sign : earlier;
    if (sign != NULL) {
        struct finding *f = report_request(a, r, o, sign);
        if (strcmp(sign->kind, "policy") == 0) {
            finding_evidence(a, f, slot->registered, "its registration");
        }
    } else {
        judge_fine(a, r, (struct subject){.host = server->host},
                   "Requests that could be read looked like clients'.");
    }
}

/* A computer's account that registers from another address; those of declared hosts are R045's. */
static void observe_logon(struct audit *a, const struct rule *r, const struct observation *o,
                          struct senders *all)
{
    static const struct sign relayed = {
        "relayed",
        "registered itself with the account of another computer, as a relayed logon does",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    const char *user = observation_text(o, FACT_NTLM_USER);
    struct stamp proof = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    char name[64], account[ACCOUNT_TEXT], shown[ACCOUNT_TEXT + 40];
    if (!ntlm_is_machine(o) || proof.order == 0 || ntlm_machine(a, o) != NULL ||
        flow_note(a, &all->windows, o->flow.id, false) == NULL) {
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(user, "$"), user);
    if (sender_fits(a, client, name) == NAME_OTHER) {
        (void)snprintf(shown, sizeof shown, "NTLM AUTHENTICATE of %.200s",
                       ntlm_account(o, account));
        (void)report_anomaly(a, r, &relayed, &proof, shown);
    }
}

static void observe_identity(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_MANAGEMENT_POINT));
    struct senders *all = server == NULL ? NULL : audit_state(a, r, sizeof *all);
    if (all == NULL) {
        return;
    }
    if (o->record == RECORD_HTTP) {
        observe_request(a, r, o, all);
    } else if (o->record == RECORD_NTLM) {
        observe_logon(a, r, o, all);
    } else if (o->record == RECORD_FLOW) {
        flow_note_remove(&all->windows, o->flow.id);
    } else if (observation_says(o, FACT_TLS_ESTABLISHED)) {
        judge_hidden(a, r, (struct subject){.host = server->host},
                     "Encrypted requests do not show who they say they are.");
    }
}

static void finish_identity(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, ROLE_BIT(ROLE_MANAGEMENT_POINT),
                 "No request of a client to this management point is in the capture.");
}

const struct rule rule_client_identity_anomaly = {
    .code = "R114",
    .name = "client-identity-anomaly",
    .title = "Request to a management point that no client makes",
    .severity = SEVERITY_HIGH,
    .statements = "S43 S56",
    .references = "Misconfiguration Manager: CRED-2, ELEVATE-2, PREVENT-8, PREVENT-16\n"
                  "sccmhunter lib/scripts/sccmwtf.py, SCCMSecrets utils/request_templates.py "
                  "(source of the constants)",
    .means = "Somebody spoke to a management point as if he were a client. Whoever registers a "
             "client of his own gets its policies, among them accounts with their passwords. High "
             "for registrations and media keys asked from outside the declared networks and for "
             "signs of tools, of relays and of lures for client push; medium for one address with "
             "several identities.",
    .evidence =
        "Readable requests: message IDs and a client version that tools have built in, a "
        "User-Agent of Python's, MP_ClientRegistration and MPKEYINFORMATIONMEDIA from addresses "
        "that are declared nowhere; a discovery record (MP_DdrEndpoint) of another computer or "
        "with "
        "declared addresses none of which is the sender's, a "
        "logon at /ccm_system_windowsauth with another computer's account; a registration and, "
        "within ten minutes, policies with secrets (ClientToken, status 200), by another program "
        "than the client's, or by an address that is no declared host's and in no network "
        "declared with a forest (medium where `approval: all` is declared), or by any but "
        "declared hosts where `approval: manual` is; three SourceIDs of one address in ten "
        "minutes. Whether a computer is another one is judged by declarations and by names that "
        "the sender itself proved; declared address translation and proxies are not judged. "
        "Imaging and virtual desktops look like the last. Inside HTTPS nothing of this is seen.",
    .remediation = "HTTPS with client certificates; manual approval; machine account quota 0.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS | 1u << RECORD_NTLM | 1u << RECORD_FLOW,
    .observe = observe_identity,
    .finish = finish_identity,
};
