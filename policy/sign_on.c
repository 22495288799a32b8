#include "policy/sign_on.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/matrix.h"

bool scene_is_declared(const struct scene *scene)
{
    return party_is_declared(&scene->ends[DIR_CLIENT]) ||
           party_is_declared(&scene->ends[DIR_SERVER]);
}

struct subject scene_subject(const struct scene *scene)
{
    const struct host *server = scene->ends[DIR_SERVER].host;
    return (struct subject){.host = server != NULL ? server : scene->ends[DIR_CLIENT].host};
}

bool scene_is_managed(const struct scene *scene)
{
    const struct party *client = &scene->ends[DIR_CLIENT];
    return (party_roles(client) & (ROLES_SITE_SERVERS | ROLE_BIT(ROLE_CONSOLE))) != 0 ||
           (client->group != NULL && client->group->administrators) ||
           (client->host != NULL && client->host == scene->ends[DIR_SERVER].host);
}

bool scene_is_allowed(const struct audit *a, const char *protocol)
{
    const struct scene *scene = audit_scene(a);
    struct connection c = {.client = &scene->ends[DIR_CLIENT],
                           .server = &scene->ends[DIR_SERVER],
                           .transport = MATRIX_TCP,
                           .protocol = protocol};
    const struct matrix_exception *line = matrix_exception_of(audit_policy(a), &c);
    return line != NULL && line->allow;
}

bool party_is_many(const struct audit *a, const struct party *p)
{
    return (party_roles(p) & ROLE_BIT(ROLE_WEB_PROXY)) != 0 ||
           policy_translates(audit_policy(a), &p->address);
}

const char *ntlm_account(const struct observation *o, char text[ACCOUNT_TEXT])
{
    const char *user = observation_text(o, FACT_NTLM_USER),
               *domain = observation_text(o, FACT_NTLM_DOMAIN);
    user = user == NULL ? "" : user;
    (void)snprintf(text, ACCOUNT_TEXT, "%.100s%s%.120s", domain == NULL ? "" : domain,
                   domain == NULL || domain[0] == '\0' ? "" : "\\", user);
    return text;
}

const char *share_name(const char *path)
{
    const char *last = path == NULL ? NULL : strrchr(path, '\\');
    return last == NULL ? (path == NULL ? "" : path) : last + 1;
}

/* User and domain apart, whichever way the message has them: "user@domain" or two fields. */
struct account {
    const char *user, *domain; /* domain: "" where none is given */
    size_t user_len;
};

static struct account account_of(const char *user, const char *domain)
{
    struct account account = {.user = user == NULL ? "" : user,
                              .domain = domain == NULL ? "" : domain};
    const char *at = strrchr(account.user, '@');
    account.user_len = at == NULL ? strlen(account.user) : (size_t)(at - account.user);
    account.domain = at != NULL && account.domain[0] == '\0' ? at + 1 : account.domain;
    return account;
}

static struct account ntlm_account_of(const struct observation *o)
{
    return account_of(observation_text(o, FACT_NTLM_USER), observation_text(o, FACT_NTLM_DOMAIN));
}

bool ntlm_is_machine(const struct observation *o)
{
    struct account account = ntlm_account_of(o);
    return account.user_len > 1 && account.user[account.user_len - 1] == '$';
}

const struct host *ntlm_machine(const struct audit *a, const struct observation *o)
{
    char name[64];
    struct account account = ntlm_account_of(o);
    if (!ntlm_is_machine(o) || account.user_len >= sizeof name) {
        return NULL;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(account.user_len - 1), account.user);
    const struct host *host = policy_host_named(audit_policy(a), name);
    if (host == NULL || host->forest == NULL) {
        return NULL; /* without a forest it has no account that others know */
    }
    bool elsewhere = account.domain[0] != '\0' &&
                     policy_forest_of_domain(audit_policy(a), account.domain) != host->forest;
    return elsewhere ? NULL : host;
}

static bool same_account(const struct policy *p, const struct account *account,
                         const char *declared)
{
    const char *slash = strchr(declared, '\\');
    char domain[128] = "";
    if (slash != NULL && (size_t)(slash - declared) < sizeof domain) {
        (void)snprintf(domain, sizeof domain, "%.*s", (int)(slash - declared), declared);
    }
    struct account other = account_of(slash == NULL ? declared : slash + 1, domain);
    if (account->user_len != other.user_len ||
        strncasecmp(account->user, other.user, other.user_len) != 0) {
        return false;
    }
    const struct forest *forest = policy_forest_of_domain(p, account->domain);
    return strcasecmp(account->domain, other.domain) == 0 ||
           (forest != NULL && forest == policy_forest_of_domain(p, other.domain));
}

static bool is_among(const struct audit *a, const struct observation *o,
                     const char *const *accounts, unsigned count)
{
    struct account account = ntlm_account_of(o);
    for (unsigned i = 0; account.user_len > 0 && i < count; i++) {
        if (same_account(audit_policy(a), &account, accounts[i])) {
            return true;
        }
    }
    return false;
}

bool ntlm_is_listed(const struct audit *a, const struct observation *o, const char *purpose)
{
    const struct account_list *list = policy_accounts(audit_policy(a), purpose);
    return list != NULL && is_among(a, o, list->accounts, list->count);
}

bool ntlm_is_excepted(const struct audit *a, const struct observation *o)
{
    const struct ntlm_exceptions *ntlm = &audit_policy(a)->ntlm;
    const struct address *server = &audit_scene(a)->ends[DIR_SERVER].address;
    for (unsigned i = 0; i < ntlm->server_count; i++) {
        if (selector_matches(audit_policy(a), &ntlm->servers[i], server)) {
            return true;
        }
    }
    return is_among(a, o, ntlm->accounts, ntlm->account_count);
}

/* The host's part of "MSSQLSvc/sql01.corp.example:1433" or "ldap/dc01.corp.example/corp.example";
 * a name alone is that part itself. */
static const char *host_part(const char *name, char text[128])
{
    const char *slash = strchr(name, '/');
    const char *host = slash == NULL ? name : slash + 1;
    size_t len = strcspn(host, "/@");
    const char *colon = memchr(host, ':', len);
    if (colon != NULL && memchr(colon + 1, ':', len - (size_t)(colon + 1 - host)) == NULL) {
        len = (size_t)(colon - host);
    }
    (void)snprintf(text, 128, "%.*s", len < 128 ? (int)len : 0, host);
    return text;
}

enum name_fit name_fits(const struct audit *a, const char *name, const struct party *server)
{
    char text[128];
    struct address literal;
    const struct policy *p = audit_policy(a);
    if (name == NULL || host_part(name, text)[0] == '\0') {
        return NAME_UNKNOWN;
    }
    if ((party_roles(server) & ROLE_BIT(ROLE_WEB_PROXY)) != 0) {
        return NAME_FITS;
    }
    if (address_parse(text, &literal)) {
        const struct host *owner = policy_host(p, &literal);
        bool own =
            address_equal(&literal, &server->address) || (owner != NULL && owner == server->host);
        return own ? NAME_FITS : NAME_OTHER;
    }
    size_t whole = strcspn(name, "@");
    for (unsigned i = 0; server->host != NULL && i < server->host->service_name_count; i++) {
        const char *own = server->host->service_names[i];
        if (strlen(own) == whole && strncasecmp(own, name, whole) == 0) {
            return NAME_FITS;
        }
    }
    const struct host *host = policy_host_named(p, text);
    if (host == NULL || (server->host == NULL && host->address_count == 0)) {
        return NAME_UNKNOWN;
    }
    return host == server->host ? NAME_FITS : NAME_OTHER;
}
