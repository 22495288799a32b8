/*
 * rules_identity.c - chapter J: R114, requests to a management point that do not look like a
 * client's.
 */
#include <string.h>
#include <strings.h>

#include "policy/ledger.h"

#define SECOND INT64_C(1000000000)
#define IDENTITY_NS (600 * SECOND)
#define IDENTITIES 3
#define SENDERS 1024

struct sender { /* the identities that an address gave itself lately */
    struct address address;
    struct stamp registered; /* order 0: not seen */
    unsigned next;
    struct {
        struct stamp at;
        char guid[44];
    } last[IDENTITIES]; /* distinct ones */
};

struct senders {
    struct sender slots[SENDERS];
};

static struct sender *sender_of(struct senders *all, const struct address *address)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < 16; i++) {
        hash = (hash ^ address->octets[i]) * 16777619u;
    }
    struct sender *slot = &all->slots[hash % SENDERS];
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

/* ---- signs ---- */

struct sign {
    const char *kind, *says;
    enum severity severity;
    enum confidence confidence;
};

static bool holds(const char *text, const char *part)
{
    return text != NULL && strcasestr(text, part) != NULL;
}

/* Message IDs that sccmhunter and SCCMSecrets send always the same; a client makes a new one each
 * time. */
static bool is_tools_message(const struct observation *o)
{
    static const char *const ids[] = {"5DD100CD-DF1D-45F5-BA17-A327F43465F8",
                                      "041A35B4-DCEE-4F64-A978-D4D489F47D28",
                                      "CA6A20DC-2440-44B1-A78F-E2FE792973BA"};
    const char *id = observation_text(o, FACT_HTTP_CCM_MESSAGE_ID);
    for (size_t i = 0; id != NULL && i < sizeof ids / sizeof *ids; i++) {
        if (holds(id, ids[i])) {
            return true;
        }
    }
    return false;
}

static const struct sign *sign_of(const struct observation *o, const struct party *client)
{
    static const struct sign tool = {"tool",
                                     "sent a message with an ID that attack tools have built in",
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
    if (is_tools_message(o)) {
        return &tool;
    }
    if (holds(observation_text(o, FACT_HTTP_USER_AGENT), "python")) {
        return &agent;
    }
    if (party_is_declared(client)) {
        return NULL;
    }
    return holds(observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT), "MP_ClientRegistration")
               ? &registers
           : holds(observation_text(o, FACT_HTTP_URI), "MPKEYINFORMATIONMEDIA") ? &media
                                                                                : NULL;
}

/* A client that nobody vouches for got policies with secrets right after it had registered: it was
 * approved without anybody looking. Members of a domain are approved automatically by default. */
static const struct sign *approval_sign(struct sender *slot, const struct observation *o,
                                        const struct party *client, const struct site *site)
{
    static const struct sign approved = {
        "approved",
        "was given policies with secrets within ten minutes of registering itself, so it was "
        "approved without anybody looking, by",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign against = {
        "approved",
        "was given policies with secrets within ten minutes of registering itself, although the "
        "site approves clients by hand, by",
        SEVERITY_HIGH, CONFIDENCE_DERIVED};
    static const struct sign declared = {
        "approved",
        "was given policies with secrets within ten minutes of registering itself, as the site is "
        "declared to approve every client, by",
        SEVERITY_MEDIUM, CONFIDENCE_DERIVED};
    bool fetches = observation_says(o, FACT_HTTP_CCM_CLIENT_TOKEN) &&
                   observation_number(o, FACT_HTTP_STATUS, 0) == 200 &&
                   holds(observation_text(o, FACT_HTTP_URI), ".sms_pol");
    if (holds(observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT), "MP_ClientRegistration")) {
        slot->registered = o->at;
    }
    enum approval approval = site == NULL ? APPROVAL_UNDECLARED : site->approval;
    if (!fetches || slot->registered.order == 0 || o->at.ns - slot->registered.ns > IDENTITY_NS ||
        (party_forest(client) != NULL && approval != APPROVAL_MANUAL)) {
        return NULL;
    }
    return approval == APPROVAL_MANUAL ? &against
           : approval == APPROVAL_ALL  ? &declared
                                       : &approved;
}

/* What clients ask a management point for. */
static bool is_for_management_point(const struct observation *o)
{
    const char *uri = observation_text(o, FACT_HTTP_URI);
    return observation_is(o, FACT_HTTP_METHOD, "CCM_POST") || holds(uri, "/SMS_MP/") ||
           holds(uri, "/ccm_system");
}

/* ---- the rule ---- */

static void report_anomaly(struct audit *a, const struct rule *r, const struct observation *o,
                           const struct sign *sign)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp request = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    const char *method = observation_text(o, FACT_HTTP_METHOD),
               *uri = observation_text(o, FACT_HTTP_URI);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = sign->kind,
                       .severity = sign->severity,
                       .confidence = sign->confidence,
                       .at = &request};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, request, "%s %.120s", method == NULL ? "request" : method,
                     uri == NULL ? "" : uri);
    if (is_new) {
        finding_explain(a, f, "%s %s (%s).", party_text(client, client_text), sign->says,
                        party_text(server, server_text));
        finding_remedy(a, f,
                       "Find out what ran on %s; look for new client records that nobody "
                       "installed, and remove them. Require client certificates at %s, approve "
                       "clients by hand, and set the machine account quota to 0.",
                       client_text, server->host->name);
    }
}

static void observe_identity(struct audit *a, const struct rule *r, const struct observation *o)
{
    static const struct sign many = {"identities",
                                     "gave itself three different client identities within ten "
                                     "minutes",
                                     SEVERITY_MEDIUM, CONFIDENCE_DERIVED};
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    const struct party *server = judged_server(a, ROLE_BIT(ROLE_MANAGEMENT_POINT));
    if (server == NULL) {
        return;
    }
    struct subject subject = {.host = server->host};
    if (o->record == RECORD_TLS) {
        if (observation_says(o, FACT_TLS_ESTABLISHED)) {
            judge_hidden(a, r, subject, "Encrypted requests do not show who they say they are.");
        }
        return;
    }
    struct senders *all = audit_state(a, r, sizeof *all);
    if (all == NULL || !is_for_management_point(o)) {
        return;
    }
    struct sender *slot = sender_of(all, &client->address);
    const struct sign *sign = sign_of(o, client), *approved = NULL;
    const char *guid = observation_text(o, FACT_HTTP_CCM_SOURCE_ID);
    bool many_stand_there =
        client->host != NULL || policy_translates(audit_policy(a), &client->address);
    unsigned identities = guid == NULL || many_stand_there ? 0 : note_identity(slot, guid, o->at);
    if (!many_stand_there) {
        approved = approval_sign(slot, o, client, server->host->site);
    }
    sign = sign != NULL               ? sign
           : approved != NULL         ? approved
           : identities >= IDENTITIES ? &many
                                      : NULL;
    if (sign != NULL) {
        report_anomaly(a, r, o, sign);
    } else {
        judge_fine(a, r, subject, "Requests that could be read looked like clients'.");
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
             "signs of tools; medium for one address with several identities.",
    .evidence =
        "Readable requests: message IDs that tools have built in, a User-Agent of Python's, "
        "MP_ClientRegistration and MPKEYINFORMATIONMEDIA from addresses that are declared "
        "nowhere, three SourceIDs of one address in ten minutes, and a registration followed "
        "within ten minutes by policies with secrets (ClientToken, status 200), unless the "
        "client's network is declared with a forest and the site does not approve by hand. "
        "Networks under `address-translation` do not count for the last two; imaging and "
        "virtual desktops look like several identities. Inside HTTPS nothing of this is "
        "seen.",
    .remediation = "HTTPS with client certificates; manual approval; machine account quota 0.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_identity,
    .finish = finish_identity,
};
