/*
 * rules_content.c - chapter E: content and boot files taken by those they are not for. R066 mass
 * browsing of content, R067 task sequence variables.
 */
#include <string.h>
#include <strings.h>

#include "policy/recent.h"
#include "policy/shares.h"
#include "policy/sign_on.h"

#define CONTENT_SERVERS (ROLE_BIT(ROLE_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT))

/* ---- R066 ---- */

#define LOOTED_NS (300 * SECOND)
/* A task sequence fetches some ten packages, each over minutes. */
#define LOOTED_ENOUGH 30u

struct looter { /* of a client: what it asked for, as digests */
    struct stamp first;
    uint64_t contents[LOOTED_ENOUGH];
    unsigned count;
};
_Static_assert(sizeof(struct looter) <= RECENT_OCTETS, "a row has room for it");

/* What follows the virtual folder of content: "Datalib", "P0100001/setup.exe"; NULL: no content. */
static const char *content_path(const char *uri)
{
    static const char *const folders[] = {"/SMS_DP_SMSPKG$/", "/NOCERT_SMS_DP_SMSPKG$/"};
    for (size_t i = 0; uri != NULL && i < sizeof folders / sizeof *folders; i++) {
        size_t len = strlen(folders[i]);
        if (strncasecmp(uri, folders[i], len) == 0) {
            return uri + len;
        }
    }
    return NULL;
}

/* True when this makes it more than anybody needs; the row begins anew then. */
static bool note_content(struct looter *l, const char *content, size_t len, const struct stamp *at)
{
    char name[64] = {0};
    for (size_t i = 0; i < len && i < sizeof name; i++) {
        name[i] = (char)(content[i] >= 'A' && content[i] <= 'Z' ? content[i] + 32 : content[i]);
    }
    uint64_t key = recent_key(0, name, len < sizeof name ? len : sizeof name);
    if (l->count == LOOTED_ENOUGH || at->ns - l->first.ns > LOOTED_NS) {
        *l = (struct looter){.first = *at};
    }
    for (unsigned i = 0; i < l->count; i++) {
        if (l->contents[i] == key) {
            return false;
        }
    }
    if (l->count == 0) {
        l->first = *at;
    }
    l->contents[l->count++] = key;
    return l->count == LOOTED_ENOUGH;
}

static void report_looting(struct audit *a, const struct rule *r, const struct stamp *at,
                           const struct stamp *first, const char *what)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .kind = what,
                       .confidence = first != NULL ? CONFIDENCE_DERIVED : CONFIDENCE_PROVEN,
                       .at = at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    if (first != NULL) {
        finding_evidence(a, f, *first, "first of the requests");
    }
    finding_evidence(a, f, *at, "%s", what);
    if (is_new) {
        finding_explain(a, f,
                        "%s took from %s: %s. Clients ask for the content that policy names to "
                        "them; who looks through all of it looks for passwords and scripts. (It "
                        "may also be a tool that fills caches.)",
                        party_text(client, client_text), party_text(server, server_text), what);
        finding_remedy(a, f,
                       "Find out who works from %s; on %s clear \"Allow clients to connect "
                       "anonymously\", and keep secrets out of packages.",
                       client_text, server->host->name);
    }
}

static bool is_read(const struct observation *o)
{
    uint64_t status = observation_number(o, FACT_HTTP_STATUS, 0);
    bool asks = observation_is(o, FACT_HTTP_METHOD, "GET") ||
                observation_is(o, FACT_HTTP_METHOD, "PROPFIND");
    return asks && (status == 200 || status == 206 || status == 207);
}

/* Something of a distribution point's content that was asked for and given. */
struct taken {
    const char *name; /* "P0100001/setup.exe"; NULL: the list of everything */
    size_t len;       /* of the content's own part */
    const char *list;
    struct stamp at;
};

static bool read_http(const struct observation *o, struct taken *ret)
{
    const char *content = content_path(observation_text(o, FACT_HTTP_URI));
    if (content == NULL || !is_read(o)) {
        return false;
    }
    size_t folder = strcspn(content, "/?");
    bool list = folder == 7 && strncasecmp(content, "Datalib", folder) == 0;
    *ret = (struct taken){.name = list ? NULL : content,
                          .len = folder,
                          .list = "the list of all content (Datalib)",
                          .at = observation_packet(o, FACT_HTTP_REQUEST_PACKET)};
    return true;
}

/* SCCMContentLib$\DataLib holds "P0100001.1" and "P0100001.1.INI" for each package. */
static bool read_smb(const struct observation *o, struct taken *ret)
{
    const char *name = observation_text(o, FACT_SMB_NAME);
    if (name == NULL || !observation_is(o, FACT_SMB_MESSAGE, "file") ||
        observation_number(o, FACT_SMB_STATUS_CODE, 1) != 0 ||
        share_kind_of(share_name(observation_text(o, FACT_SMB_PATH))) != SHARE_LIBRARY ||
        strncasecmp(name, "DataLib", 7) != 0) {
        return false;
    }
    bool list = name[7] == '\0' && observation_says(o, FACT_SMB_LISTED);
    const char *content = name[7] == '\\' ? name + 8 : NULL;
    *ret = (struct taken){.name = content,
                          .len = content == NULL ? 0 : strcspn(content, ".\\"),
                          .list = "the list of all content (SCCMContentLib$\\DataLib)",
                          .at = observation_packet(o, FACT_SMB_REQUEST_PACKET)};
    return list || content != NULL;
}

static void observe_looting(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    const struct party *server = judged_server(a, CONTENT_SERVERS);
    struct recent *t = audit_state(a, r, sizeof *t);
    struct taken taken;
    if (t == NULL || server == NULL ||
        !(o->record == RECORD_SMB ? read_smb : read_http)(o, &taken)) {
        return;
    }
    t->window_ns = LOOTED_NS;
    struct subject subject = {.host = server->host};
    if (party_is_site_system(&scene->ends[DIR_CLIENT]) || scene_is_managed(scene)) {
        judge_fine(a, r, subject, "Content went to site systems and administrators.");
        return;
    }
    if (taken.name != NULL && party_is_many(a, &scene->ends[DIR_CLIENT])) {
        judge_hidden(a, r, subject, "Many clients stand behind the address that asked.");
        return;
    }
    if (taken.name == NULL) {
        report_looting(a, r, &taken.at, NULL, taken.list);
        return;
    }
    struct looter *l =
        recent_make(a, t, recent_address(&scene->ends[DIR_CLIENT].address), taken.at.ns);
    if (l != NULL && note_content(l, taken.name, taken.len, &taken.at)) {
        report_looting(a, r, &taken.at, &l->first, "thirty different contents within five minutes");
    } else {
        judge_fine(a, r, subject, "Clients fetched single contents.");
    }
}

static void finish_looting(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, CONTENT_SERVERS, "No readable content request is in the capture.");
}

const struct rule rule_content_looting = {
    .code = "R066",
    .name = "content-looting",
    .title = "Content of a distribution point looked through",
    .severity = SEVERITY_HIGH,
    .statements = "S13",
    .references = "Misconfiguration Manager: CRED-6\nMITRE ATT&CK T1083, T1552.001",
    .means = "A client lists or fetches the whole content of a distribution point. Packages hold "
             "scripts and answer files, and these hold passwords.",
    .evidence = "Successful requests under SMS_DP_SMSPKG$, and folders and files opened in "
                "SCCMContentLib$\\DataLib: for the list of everything (Datalib asked for, DataLib "
                "listed), once; or for thirty different contents by one client within five "
                "minutes. Site systems (pull distribution points), consoles and declared "
                "administrators do not count, nor the contents that declared proxies and address "
                "translation ask for. What goes over HTTPS or encrypted SMB is not seen.",
    .remediation = "No anonymous access to content, HTTPS with certificates, and no secrets in "
                   "packages.",
    .records = 1u << RECORD_HTTP | 1u << RECORD_SMB,
    .observe = observe_looting,
    .finish = finish_looting,
};

/* ---- R067 ---- */

#define BOOT_NS (1800 * SECOND)
/* A request for the size or a repetition is the same reading. */
#define SAME_READING_NS (10 * SECOND)

struct boot { /* of a client */
    bool image, asked;
    unsigned readings;
    struct stamp last;
};
_Static_assert(sizeof(struct boot) <= RECENT_OCTETS, "a row has room for it");

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), tail = strlen(end);
    return len >= tail && strcasecmp(name + len - tail, end) == 0;
}

static bool is_boot_image(const char *name)
{
    static const char *const ends[] = {".wim", ".sdi", ".efi", ".com", ".n12", ".exe"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends_with(name, ends[i])) {
            return true;
        }
    }
    return false;
}

static void report_variables(struct audit *a, const struct rule *r, const struct observation *o,
                             const struct stamp *at, enum severity severity)
{
    const struct scene *scene = audit_scene(a);
    const struct party *client = &scene->ends[DIR_CLIENT], *server = &scene->ends[DIR_SERVER];
    bool smb = o->record == RECORD_SMB;
    const char *name = observation_text(o, smb ? FACT_SMB_NAME : FACT_TFTP_NAME);
    struct breach b = {.subject = {.host = server->host},
                       .client = client,
                       .server = server,
                       .severity = severity,
                       .confidence = smb ? CONFIDENCE_PROVEN : CONFIDENCE_DERIVED,
                       .at = at};
    char client_text[PARTY_TEXT], server_text[PARTY_TEXT];
    bool is_new = false;
    struct finding *f = judge_breach(a, r, &b, &is_new);
    finding_evidence(a, f, *at, "%s of %.200s", smb ? "SMB CREATE" : "TFTP read request", name);
    if (is_new) {
        finding_explain(a, f,
                        "%s fetched the task sequence variables %.200s from %s %s; they hold "
                        "credentials, protected by the boot password at best.",
                        party_text(client, client_text), name, party_text(server, server_text),
                        smb ? "over SMB, which no boot does"
                            : "over TFTP without a boot image before it (it may also be a boot "
                              "that began before the capture)");
        finding_remedy(a, f,
                       "Require a strong password for PXE, restrict deployments to unknown "
                       "computers, and filter TFTP and SMB of %s to the networks that boot.",
                       server->host->name);
    }
}

static void observe_tftp(struct audit *a, const struct rule *r, struct recent *t,
                         const struct observation *o)
{
    const struct party *client = &audit_scene(a)->ends[DIR_CLIENT];
    struct subject subject = {.host = audit_scene(a)->ends[DIR_SERVER].host};
    const char *name = observation_text(o, FACT_TFTP_NAME);
    if (name == NULL || !observation_is(o, FACT_TFTP_OPERATION, "read")) {
        return;
    }
    struct boot *boot = recent_make(a, t, recent_address(&client->address), o->at.ns);
    if (boot == NULL) {
        return;
    }
    boot->image |= is_boot_image(name);
    if (!ends_with(name, ".var")) {
        judge_fine(a, r, subject, "Files were read as a boot does.");
    } else if (boot->image) {
        judge_fine(a, r, subject, "Variables were read in the course of a boot.");
    } else if (boot->readings == 0 || o->at.ns - boot->last.ns > SAME_READING_NS) {
        boot->readings++;
        boot->last = o->at;
        report_variables(a, r, o, &o->at,
                         boot->readings > 1 || boot->asked ? SEVERITY_HIGH : SEVERITY_MEDIUM);
    }
}

static void observe_variables(struct audit *a, const struct rule *r, const struct observation *o)
{
    const struct scene *scene = audit_scene(a);
    struct recent *t = audit_state(a, r, sizeof *t);
    const struct party *server = judged_server(a, role_site_systems());
    if (t == NULL || server == NULL) {
        return;
    }
    t->window_ns = BOOT_NS;
    if (o->record == RECORD_TFTP) {
        observe_tftp(a, r, t, o);
    } else if (o->record == RECORD_DHCP) {
        struct boot *boot =
            observation_says(o, FACT_DHCP_PROXY) && observation_is(o, FACT_DHCP_MESSAGE, "REQUEST")
                ? recent_make(a, t, recent_address(&scene->ends[DIR_CLIENT].address), o->at.ns)
                : NULL;
        if (boot != NULL) {
            boot->asked = true;
        }
    } else if (observation_is(o, FACT_SMB_MESSAGE, "file") &&
               strcasecmp(share_name(observation_text(o, FACT_SMB_PATH)), "REMINST") == 0) {
        const char *name = observation_text(o, FACT_SMB_NAME);
        bool variables = name != NULL && strncasecmp(name, "SMSTemp\\", 8) == 0 &&
                         ends_with(name, ".var") &&
                         observation_number(o, FACT_SMB_STATUS_CODE, 1) == 0;
        if (variables && !scene_is_managed(scene)) {
            struct stamp at = observation_packet(o, FACT_SMB_REQUEST_PACKET);
            report_variables(a, r, o, &at, SEVERITY_HIGH);
        } else {
            judge_fine(a, r, (struct subject){.host = server->host},
                       "Other boot files, or by those who manage them.");
        }
    }
}

static void finish_variables(struct audit *a, const struct rule *r)
{
    expect_hosts(a, r, CONTENT_SERVERS, "No boot files of this host were read in the capture.");
}

const struct rule rule_pxe_variables_file_read = {
    .code = "R067",
    .name = "pxe-variables-file-read",
    .title = "Task sequence variables fetched outside a boot",
    .severity = SEVERITY_HIGH,
    .statements = "S01",
    .references = "Misconfiguration Manager: CRED-1, DETECT-7, PREVENT-6, PREVENT-21\nMITRE "
                  "ATT&CK T1542.005",
    .means = "Somebody fetched the file of task sequence variables that a PXE boot gets. It holds "
             "the network access account and more, under a password that is weak or empty.",
    .evidence = "A TFTP read of a .var file by a client that read no boot image (.wim, .sdi, "
                ".efi, .com, .n12) in the half hour before: high when it comes again or follows a "
                "request on port 4011, medium the first time. Or a file SMSTemp\\*.var opened on "
                "the share REMINST, which site servers and administrators may. A genuine boot "
                "reads its image first and does not count.",
    .remediation = "A strong PXE password, known computers only, TFTP filtered to boot networks.",
    .records = 1u << RECORD_TFTP | 1u << RECORD_DHCP | 1u << RECORD_SMB,
    .observe = observe_variables,
    .finish = finish_variables,
};
