/*
 * rules_user_policy.c - chapter C: what does not work across a bridge or without a trust. R030
 * enrolled mobile devices behind a bridging proxy, user policy on the internet.
 */
#include <string.h>
#include <strings.h>

#include "policy/topology.h"
#include "policy/web_roles.h"

#define PROXY ROLE_BIT(ROLE_WEB_PROXY)
#define ENROLLMENT_PROXY ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT)
#define MANAGEMENT_POINT ROLE_BIT(ROLE_MANAGEMENT_POINT)

/* ---- devices ---- */

static void report_bridge(struct audit *a, const struct rule *r, const struct observation *o,
                          struct subject subject)
{
    const struct scene *scene = audit_scene(a);
    const struct party *proxy = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool http = o->record == RECORD_HTTP;
    struct stamp at =
        observation_packet(o, http ? FACT_HTTP_REQUEST_PACKET : FACT_TLS_CLIENT_HELLO_PACKET);
    struct breach b = {.subject = subject,
                       .client = proxy,
                       .server = server,
                       .kind = "bridge",
                       .confidence = CONFIDENCE_DERIVED,
                       .at = &at};
    char proxy_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, http ? "request for enrollment" : "ClientHello of the proxy");
    if (is_new) {
        finding_explain(a, f,
                        "%s, declared as bridging, opened a connection of its own to the "
                        "enrollment proxy point %s: enrolled mobile devices do not work through a "
                        "bridge.",
                        party_text(proxy, proxy_text), party_text(server, server_text));
        finding_remedy(a, f,
                       "Let %s tunnel what is for %s, or declare `mode: tunneling` if it does.",
                       proxy->host->name, server->host->name);
    }
}

/* TLS does not say which of a host's web roles is meant; a request does. */
static bool other_roles_answer(const struct scene *scene, const struct observation *o)
{
    const struct host *h = scene->ends[DIR_SERVER].host;
    return o->record == RECORD_TLS && (h->role_bits & WEB_ROLES & ~ENROLLMENT_PROXY) != 0;
}

static void observe_devices(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct subject subject = {.host = server->host,
                              .role = host_role(server->host, ROLE_ENROLLMENT_PROXY_POINT)};
    if (o->record == RECORD_HTTP && role_of_path(web_path(o)) != ROLE_ENROLLMENT_PROXY_POINT) {
        return;
    }
    if ((party_roles(client) & PROXY) == 0) {
        judge_fine(a, r, subject, "It was reached without a web proxy.");
        return;
    }
    const char *mode = host_role(client->host, ROLE_WEB_PROXY)->proxy_mode;
    if (mode == NULL) {
        judge_hidden(a, r, subject,
                     "A web proxy reached it, and the policy does not say whether that proxy "
                     "bridges or tunnels.");
    } else if (strcmp(mode, "tunneling") == 0) {
        judge_fine(a, r, subject, "The proxy before it tunnels.");
    } else if (other_roles_answer(scene, o)) {
        judge_hidden(a, r, subject,
                     "A bridging proxy reached its host, and TLS does not tell whether for "
                     "enrollment or for another role.");
    } else {
        report_bridge(a, r, o, subject);
    }
}

/* ---- users ---- */

/* What is asked for there is asked for as a user of a domain. */
static bool is_user_path(const char *path)
{
    static const char *const paths[] = {"/ccm_system_windowsauth", "/sms_mp_windowsauth",
                                        "/cmuserservice_windowsauth"};
    for (size_t i = 0; path != NULL && i < sizeof paths / sizeof *paths; i++) {
        if (strncasecmp(path, paths[i], strlen(paths[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void report_user(struct audit *a, const struct rule *r, const struct observation *o,
                        struct subject subject, const char *kind, const char *why)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct stamp at = observation_packet(o, FACT_HTTP_REQUEST_PACKET);
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .kind = kind,
                       .severity = SEVERITY_INFO,
                       .confidence = CONFIDENCE_PROVEN,
                       .title = "User policy asked for where there can be none",
                       .at = &at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, at, "request for %.120s", web_path(o));
    if (is_new) {
        finding_explain(a, f, "%s asked %s for what is for users (%.120s), but %s.",
                        party_text(client, client_text), party_text(server, server_text),
                        web_path(o), why);
        finding_remedy(a, f,
                       "Turn user policy for clients on the internet off in the client settings, "
                       "or let the forest of %s trust the users' forest.",
                       server->host->name);
    }
}

static void observe_users(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    const struct role_instance *mp = host_role(server->host, ROLE_MANAGEMENT_POINT);
    struct subject subject = {.host = server->host, .role = mp};
    bool outside =
        strcmp(client->zone->name, "internet") == 0 || (party_roles(client) & PROXY) != 0;
    if (o->record == RECORD_TLS) {
        if (outside) {
            judge_hidden(a, r, subject,
                         "TLS hides whether clients on the internet ask for user policy.");
        }
        return;
    }
    if (!is_user_path(web_path(o))) {
        return;
    }
    const struct forest *users = party_forest(client), *home = server->host->forest;
    bool known = users != NULL && home != NULL;
    if (outside && mp->user_policy == 0) {
        report_user(a, r, o, subject, "off",
                    "the policy says that clients on the internet get none");
    } else if (known && !policy_trusts(scene->policy, home, users)) {
        report_user(a, r, o, subject, "no-trust",
                    "the forest of the management point trusts none of that forest's users");
    } else if (known || (outside && mp->user_policy == 1)) {
        judge_fine(a, r, subject, "Users were authenticated where that is supported.");
    } else {
        judge_hidden(a, r, subject,
                     "Users were to be authenticated, and the policy does not say of which forest "
                     "they are.");
    }
}

/* ---- the rule ---- */

static void observe_unsupported(struct audit *a, const struct rule *r, const struct observation *o)
{
    role_set asked = party_roles(&audit_scene(a)->ends[DIR_SERVER]);
    if ((asked & (ENROLLMENT_PROXY | MANAGEMENT_POINT)) == 0 ||
        (o->record == RECORD_TLS ? observation_get(o, FACT_TLS_SERVER_HELLO_PACKET) == NULL
                                 : !web_request_is_clear(o))) {
        return;
    }
    if ((asked & ENROLLMENT_PROXY) != 0) {
        observe_devices(a, r, o);
    }
    if ((asked & MANAGEMENT_POINT) != 0) {
        observe_users(a, r, o);
    }
}

static void finish_unsupported(struct audit *a, const struct rule *r)
{
    expect_roles(a, r, ENROLLMENT_PROXY, "No connection of devices to it is in the capture.");
    expect_roles(a, r, MANAGEMENT_POINT,
                 "No request for user policy, and no client on the internet, is in the capture.");
}

const struct rule rule_mobile_or_user_policy_through_bridge = {
    .code = "R030",
    .name = "mobile-or-user-policy-through-bridge",
    .title = "Mobile devices behind a bridging proxy",
    .severity = SEVERITY_MEDIUM,
    .statements = "S30 S41 S104 S105",
    .references = "Microsoft Learn: Communications between endpoints in Configuration Manager "
                  "(internet-based clients)\nMicrosoft Learn: Plan for internet-based client "
                  "management",
    .means = "Devices that were enrolled authenticate inside TLS, so a proxy that ends TLS before "
             "the enrollment proxy point shuts them out. And users on the internet get their "
             "policies only where the management point's forest trusts theirs and the site lets "
             "them; elsewhere such requests fail, or hand out a logon for nothing.",
    .evidence = "TLS or a request for enrollment from a proxy declared `mode: bridging` to an "
                "enrollment proxy point (medium). A readable request for a path that authenticates "
                "users, from the internet or a web proxy to a management point with `user-policy: "
                "false`, or from clients of a forest that the management point's does not trust "
                "(information): computers register there as well. TLS hides such requests.",
    .remediation = "Tunnel what is for enrollment; turn user policy off where it cannot work.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_TLS,
    .observe = observe_unsupported,
    .finish = finish_unsupported,
};
