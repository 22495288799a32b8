/*
 * rules_smb_content.c - chapter E: what crosses by SMB. R063 content that anybody can read, R069
 * files between sites.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/shares.h"
#include "policy/sign_on.h"

static bool is_smb(const struct observation *o, const char *message)
{
    return observation_is(o, FACT_SMB_MESSAGE, message);
}

/* ---- R063 ---- */

struct readable { /* what crossed, and where it began */
    const char *kind, *what, *name;
    enum severity severity;
    struct stamp at;
};

/* Keys and copies of the database, by the end of a file's name. */
static const struct file_kind {
    const char *end, *kind, *what;
} file_kinds[] = {
    {".pfx", "key", "a certificate with its private key"},
    {".p12", "key", "a certificate with its private key"},
    {".ts", "task sequence", "a task sequence"},
    {".bak", "backup", "a copy of a database"},
    {".mdf", "backup", "a copy of a database"},
};

static bool read_file_kind(const char *name, struct readable *ret)
{
    size_t len = name == NULL ? 0 : strlen(name);
    for (size_t i = 0; i < sizeof file_kinds / sizeof *file_kinds; i++) {
        const struct file_kind *k = &file_kinds[i];
        size_t tail = strlen(k->end);
        if (len > tail && strcasecmp(name + len - tail, k->end) == 0) {
            *ret = (struct readable){k->kind, k->what, name, SEVERITY_MEDIUM, ret->at};
            return true;
        }
    }
    return false;
}

/* The product signs what its servers exchange and does not encrypt it: that is as it should be,
 * unless the policy is stricter than the product. */
static bool is_products_own(enum share_kind kind)
{
    return kind == SHARE_INTERSITE || kind == SHARE_SITE || kind == SHARE_PACKAGES ||
           kind == SHARE_LIBRARY || kind == SHARE_SETUP || kind == SHARE_UPDATES;
}

static bool read_share_kind(const struct policy *p, const char *path, struct readable *ret)
{
    const char *share = share_name(path);
    enum share_kind kind = share_kind_of(share);
    if (is_products_own(kind) && p->profile != PROFILE_STRICT) {
        return false;
    }
    bool personal = kind == SHARE_BACKUP || kind == SHARE_USER_STATE;
    *ret = (struct readable){.kind = kind == SHARE_BACKUP ? "backup" : share,
                             .what = share_kind_text(kind),
                             .name = path,
                             .severity = personal ? SEVERITY_MEDIUM : SEVERITY_INFO,
                             .at = ret->at};
    return ret->what != NULL;
}

static void report_readable(struct audit *a, const struct rule *r, struct subject subject,
                            const struct readable *seen)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = subject,
                       .client = client,
                       .server = server,
                       .any_client = seen->severity == SEVERITY_INFO,
                       .kind = seen->kind,
                       .severity = seen->severity,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &seen->at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, seen->at, "first readable octets of %.200s", seen->name);
    if (is_new) {
        finding_explain(a, f,
                        "%.200s crossed unencrypted between %s and %s: %s, which whoever stands on "
                        "the way can read.",
                        seen->name, party_text(client, client_text),
                        party_text(server, server_text), seen->what);
        finding_remedy(a, f,
                       seen->severity == SEVERITY_INFO
                           ? "Where that is not for everybody's eyes, have %s demand encryption of "
                             "the share (Set-SmbShare -EncryptData), or use IPsec."
                           : "Have %s demand encryption of the share (Set-SmbShare -EncryptData), "
                             "or use IPsec; what was seen of keys and passwords is to be changed.",
                       server->host != NULL ? server->host->name : server_text);
    }
}

static void observe_readable(struct audit *a, const struct rule *r, const struct observation *o)
{
    struct subject subject = share_subject(audit_scene(a));
    if (subject.host == NULL) {
        return;
    }
    uint64_t moved = observation_number(o, FACT_SMB_READ_BYTES, 0) +
                     observation_number(o, FACT_SMB_WRITTEN_BYTES, 0);
    struct readable seen = {.at = observation_packet(o, FACT_SMB_FIRST_PACKET)};
    const char *path = observation_text(o, FACT_SMB_PATH);
    if (moved > 0 && is_smb(o, "file")) {
        if (read_file_kind(observation_text(o, FACT_SMB_NAME), &seen)) {
            report_readable(a, r, subject, &seen);
        }
    } else if (moved > 0 && is_smb(o, "transfer")) {
        if (observation_is(o, FACT_SMB_SHARE_TYPE, "pipe")) {
            return;
        }
        if (read_share_kind(audit_policy(a), path, &seen)) {
            report_readable(a, r, subject, &seen);
        } else {
            judge_fine(
                a, r, subject,
                "What crossed readable was of shares of which nothing sensitive is known, or "
                "what the product itself leaves unencrypted.");
        }
    } else if (observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0 &&
               observation_says(o, FACT_SMB_ENCRYPTED)) {
        judge_fine(a, r, subject, "Sessions or shares demanded encryption.");
    }
}

static void finish_readable(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, role_smb_servers(), "No file data of this host is in the capture.");
}

const struct rule rule_smb_content_readable = {
    .code = "R063",
    .name = "smb-content-readable",
    .title = "Content readable on its way by SMB",
    .severity = SEVERITY_INFO,
    .statements = "S01 S67",
    .references = "Microsoft Learn: Cryptographic controls technical reference (file replication "
                  "is signed, not encrypted)\n[MS-SMB2] 2.2.6, 2.2.10 (encryption of sessions and "
                  "shares)",
    .means =
        "File data crossed outside encryption. The product signs what its servers exchange "
        "and does not encrypt it, so that its own shares count under `profile: strict` only. For "
        "information there and for drives and package sources; medium for users' files and "
        "settings, backups, private keys and task sequences, which hold what others must not "
        "read.",
    .evidence = "Octets read or written that could be seen at all: what an encrypted session or "
                "share carries is not. What it is, is told by the name of the share (SMPSTORE..., "
                "\"backup\", the product's own) or of the file (.pfx, .p12, .ts, .bak, .mdf). "
                "Other shares, pipes and files that were opened only do not count.",
    .remediation = "SMB encryption for the shares concerned, or IPsec between the hosts.",
    .records = 1u << RECORD_SMB,
    .observe = observe_readable,
    .finish = finish_readable,
};

/* ---- R069 ---- */

static bool was_denied(const struct observation *o)
{
    return observation_is(o, FACT_SMB_STATUS, "STATUS_ACCESS_DENIED") ||
           observation_is(o, FACT_SMB_STATUS, "STATUS_NETWORK_ACCESS_DENIED");
}

static bool is_share_of(const char *share, const struct host *host)
{
    return strcasecmp(share + strlen("SMS_"), host->site->code) == 0;
}

/* What a site has to do with the other's share; `client` and `server` are in different sites. */
static bool is_intersite_share(const char *share, const struct host *client,
                               const struct host *server)
{
    role_set roles = server->role_bits;
    switch (share_kind_of(share)) {
    case SHARE_PIPES:
    case SHARE_INTERSITE:
    case SHARE_SETUP:
        return true;
    case SHARE_SITE:
        return is_share_of(share, client) || is_share_of(share, server);
    case SHARE_ADMINISTRATIVE: /* a parent installs its child */
        return server->site->parent == client->site;
    case SHARE_PACKAGES:
    case SHARE_LIBRARY:
        return (roles &
                (ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT))) != 0;
    case SHARE_UPDATES:
        return (roles & ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT)) != 0;
    case SHARE_SOURCE:
    case SHARE_BACKUP:
    case SHARE_USER_STATE:
    case SHARE_OTHER:
        break;
    }
    bool logon = strcasecmp(share, "SYSVOL") == 0 || strcasecmp(share, "NETLOGON") == 0;
    return logon && (roles & ROLE_BIT(ROLE_DOMAIN_CONTROLLER)) != 0;
}

struct irregular {
    const char *kind;
    struct stamp at;
    char what[300]; /* "opened the share ..." */
    const char *remedy;
};

static void report_irregular(struct audit *a, const struct rule *r, const struct irregular *seen)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = seen->kind,
                       .confidence = CONFIDENCE_PROVEN,
                       .at = &seen->at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, seen->at, "%s", seen->what);
    if (is_new) {
        finding_explain(a, f, "The site server %s (site %s) %s at %s (site %s).",
                        party_text(client, client_text), client->host->site->code, seen->what,
                        party_text(server, server_text), server->host->site->code);
        finding_remedy(a, f, seen->remedy, client->host->name, server->host->name);
    }
}

/* True where there is something wrong with a share that was asked for. */
static bool read_share(const struct scene *scene, const struct observation *o,
                       struct irregular *ret)
{
    const struct host *client = scene->ends[DIR_CLIENT].host,
                      *server = scene->ends[DIR_SERVER].host;
    const char *path = observation_text(o, FACT_SMB_PATH), *share = share_name(path);
    ret->at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    if (was_denied(o)) {
        ret->kind = "denied";
        ret->remedy = "Put the computer account of %s into the group "
                      "SMS_SiteToSiteConnection_<site code> on %s, or declare and use a file "
                      "replication account that is in it.";
        (void)snprintf(ret->what, sizeof ret->what, "was denied the share %.200s",
                       path == NULL ? "that it asked for" : path);
        return true;
    }
    if (observation_number(o, FACT_SMB_STATUS_CODE, 1) != 0 || path == NULL ||
        is_intersite_share(share, client, server)) {
        return false;
    }
    ret->kind = share;
    ret->remedy = "Find what on %s uses that share of %s; sites send each other files through "
                  "SMS_SITE only. If it is meant, allow it under `matrix` in the policy.";
    (void)snprintf(ret->what, sizeof ret->what,
                   "opened %.200s, which is not for files between sites,", path);
    return true;
}

/* The account that this site server shows the other one. */
static bool read_account(const struct audit *a, const struct observation *o, struct irregular *ret)
{
    static const char *const purposes[] = {"intersite", "site-installation",
                                           "site-system-installation"};
    char account[ACCOUNT_TEXT];
    bool known = ntlm_machine(a, o) == audit_scene(a)->ends[DIR_CLIENT].host;
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes && !known; i++) {
        known = ntlm_is_listed(a, o, purposes[i]);
    }
    if (known) {
        return false;
    }
    ret->kind = "account";
    ret->at = observation_packet(o, FACT_NTLM_AUTHENTICATE_PACKET);
    ret->remedy = "Let %s use its computer account towards %s, or declare the account that is "
                  "meant (accounts: intersite).";
    (void)snprintf(ret->what, sizeof ret->what,
                   "logged on as %.200s, which is not its computer account and not declared,",
                   ntlm_account(o, account));
    return true;
}

static bool read_strangers(const struct observation *o, struct irregular *ret)
{
    ret->kind = "peer";
    ret->at = observation_packet(o, FACT_SMB_RESPONSE_PACKET);
    ret->remedy = "Find what on %s uses files of %s; where a file replication route between the "
                  "two is meant, allow it under `matrix` in the policy.";
    (void)snprintf(ret->what, sizeof ret->what,
                   "opened an SMB session, although neither site is the other's parent,");
    return is_smb(o, "session_setup") || is_smb(o, "tree_connect");
}

static bool is_proof(const struct observation *o)
{
    return o->record == RECORD_NTLM && observation_is(o, FACT_NTLM_CARRIER, "smb") &&
           observation_get(o, FACT_NTLM_AUTHENTICATE_PACKET) != NULL &&
           !observation_is(o, FACT_NTLM_VARIANT, "anonymous");
}

static void observe_intersite(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct host *client = scene->ends[DIR_CLIENT].host;
    const struct party *server = judged_server(a, ROLES_SITE_SERVERS);
    if (server == NULL || client == NULL || (client->role_bits & ROLES_SITE_SERVERS) == 0 ||
        client == server->host || client->site == server->host->site) {
        return;
    }
    struct subject subject = {.host = server->host};
    struct irregular seen = {.kind = NULL};
    bool opened = observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0, wrong = false;
    if (client->site == NULL || server->host->site == NULL) {
        judge_hidden(a, r, subject, "The policy does not tell the sites of both site servers.");
        return;
    }
    bool neighbours =
        client->site->parent == server->host->site || server->host->site->parent == client->site;
    if (o->record == RECORD_SMB && !neighbours && opened) {
        wrong = read_strangers(o, &seen);
    } else if (o->record == RECORD_SMB && is_smb(o, "tree_connect")) {
        wrong = read_share(scene, o, &seen);
    } else if (is_proof(o)) {
        wrong = read_account(a, o, &seen);
    } else {
        return;
    }
    if (wrong && !scene_is_allowed(a, "smb")) {
        report_irregular(a, r, &seen);
    } else {
        judge_fine(a, r, subject,
                   "Parent and child sites, or what the policy's matrix allows, sent each other "
                   "files as is usual.");
    }
}

/* Sites that have a parent or a child. */
static void finish_intersite(struct audit *a, const struct rule *r)
{
    const struct policy *p = audit_policy(a);
    for (unsigned i = 0; i < p->host_count; i++) {
        const struct host *host = &p->hosts[i];
        bool related = host->site != NULL && host->site->parent != NULL;
        for (unsigned k = 0; host->site != NULL && k < p->site_count; k++) {
            related = related || p->sites[k].parent == host->site;
        }
        if (related && (host->role_bits & ROLES_SITE_SERVERS) != 0) {
            judge_expected(a, r, (struct subject){.host = host},
                           "No SMB of another site's server with this one is in the capture.");
        }
    }
}

const struct rule rule_intersite_smb_irregular = {
    .code = "R069",
    .name = "intersite-smb-irregular",
    .title = "Unusual file traffic between site servers",
    .severity = SEVERITY_MEDIUM,
    .statements = "S66 S67 S69 S72 S73",
    .references = "Microsoft Learn: File-based replication (Configuration Manager)\nMicrosoft "
                  "Learn: Accounts used in Configuration Manager (SMS_SiteToSiteConnection)",
    .means = "Sites send each other files by SMB, a child to its parent and back, through the "
             "share SMS_SITE and with the site servers' computer accounts. Something else was "
             "seen: sites that are no neighbours, another share, an account that nobody declared, "
             "or a refusal, after which replication stands still.",
    .evidence = "Sessions, shares and NTLM accounts in SMB between declared site servers of "
                "different sites. Usual are IPC$, SMS_SITE, the SMS_<site> of either, setup "
                "payloads, shares of the distribution or update point that the host is as well, "
                "and ADMIN$ and drives of a child for its parent, which installs it. Accounts are "
                "usual when they are the computer's own or declared as intersite or installation "
                "accounts; inside Kerberos they cannot be read. Lines of `matrix:` that allow smb "
                "do not count.",
    .remediation = "Correct the declaration of sites and accounts, the group "
                   "SMS_SiteToSiteConnection, or close the path.",
    .records = 1u << RECORD_SMB | 1u << RECORD_NTLM,
    .observe = observe_intersite,
    .finish = finish_intersite,
};
