/*
 * command_accept.c - `rolecall accept`: findings of an audit become entries of the policy's
 * `accept:` section.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/nearest.h"
#include "commands/command.h"
#include "policy/policy_accept.h"
#include "reports/text_layout.h"

struct acceptance_run {
    const struct options *options;
    const struct policy *policy;
    const struct document *document;
    int64_t until_ns;
    const json_t **findings; /* that are named, and not accepted so long already */
    unsigned finding_count;
    struct accept_entry *entries; /* theirs, each once */
    unsigned entry_count;
};

/* ---- the findings ---- */

/* Records may come from anywhere: what is no id is not shown on a terminal. */
static const char *id_of(const json_t *finding)
{
    const char *id = member_text(finding, "id");
    return id != NULL && strspn(id, "0123456789abcdef") == strlen(id) ? id : NULL;
}

static int no_finding(const struct document *d, const char *id)
{
    struct nearest n = nearest_of(id);
    for (size_t i = 0; i < d->findings.count; i++) {
        const char *known = id_of(d->findings.at[i]);
        if (known != NULL) {
            nearest_offer(&n, known);
        }
    }
    return n.best == NULL
               ? trouble("no finding '%s' in that audit, which has %zu; each has its id in the "
                         "reports",
                         id, d->findings.count)
               : trouble("no finding '%s' in that audit; did you mean '%s'?", id, n.best);
}

static const json_t *find(const struct document *d, const char *id)
{
    for (size_t i = 0; i < d->findings.count; i++) {
        const char *known = id_of(d->findings.at[i]);
        if (known != NULL && strcmp(known, id) == 0) {
            return d->findings.at[i];
        }
    }
    return NULL;
}

/* A declared host by its name, others by their address; NULL: the finding has no such end. */
static const char *selector_of(const struct policy *p, const json_t *finding, const char *end)
{
    const json_t *party = member_at(finding, end);
    const char *name = member_text(party, "name");
    bool declared = name != NULL && policy_host_named(p, name) != NULL;
    return declared ? name : member_text(party, "ip");
}

static struct accept_entry entry_of(const struct acceptance_run *r, const json_t *finding)
{
    const struct options *o = r->options;
    return (struct accept_entry){
        .rule = member_text(finding, "rule"),
        .client =
            member_truth(finding, "any_client") ? NULL : selector_of(r->policy, finding, "client"),
        .server = selector_of(r->policy, finding, "server"),
        .until = o->until,
        .reason = o->reason,
        .by = o->by,
    };
}

static bool same_text(const char *x, const char *y)
{
    return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static bool covers(const struct accept_entry *wide, const struct accept_entry *narrow)
{
    return same_text(wide->rule, narrow->rule) &&
           (wide->client == NULL || same_text(wide->client, narrow->client)) &&
           (wide->server == NULL || same_text(wide->server, narrow->server));
}

/* The policy's acceptance of a finding that lasts as long as the one that is asked for. */
static const struct acceptance *accepted_already(const struct acceptance_run *r,
                                                 const json_t *finding)
{
    const struct policy *p = r->policy;
    struct address client = {0}, server = {0};
    const char *ip = member_text(finding, "client.ip"), *rule = member_text(finding, "rule");
    bool known = ip == NULL || address_parse(ip, &client);
    ip = member_text(finding, "server.ip");
    known = known && (ip == NULL || address_parse(ip, &server));
    for (unsigned i = 0; known && rule != NULL && i < p->acceptance_count; i++) {
        const struct acceptance *a = &p->acceptances[i];
        const char *name = a->rule < rule_names.rule_count
                               ? rule_names.rule_name(a->rule)
                               : p->watches[a->rule - rule_names.rule_count].name;
        bool any = !member_truth(finding, "any_client") || a->client.kind == SELECT_ANY;
        if (any && a->until_ns >= r->until_ns && strcmp(name, rule) == 0 &&
            selector_matches(p, &a->client, &client) && selector_matches(p, &a->server, &server)) {
            return a;
        }
    }
    return NULL;
}

static int add_finding(struct acceptance_run *r, const char *id)
{
    const json_t *finding = find(r->document, id);
    if (finding == NULL) {
        return no_finding(r->document, id);
    }
    const struct acceptance *already = accepted_already(r, finding);
    if (already != NULL) {
        (void)printf("%s: accepted already%s%s, %s:%u\n", id,
                     already->until == NULL ? ", without end" : " until ",
                     already->until == NULL ? "" : already->until, r->options->policy,
                     already->place.line);
        return EXIT_CLEAN;
    }
    struct accept_entry entry = entry_of(r, finding);
    r->findings[r->finding_count++] = finding;
    for (unsigned i = 0; i < r->entry_count; i++) {
        if (covers(&r->entries[i], &entry)) {
            return EXIT_CLEAN;
        }
    }
    r->entries[r->entry_count++] = entry;
    return EXIT_CLEAN;
}

/* ---- what was done ---- */

static bool is_named(const struct acceptance_run *r, const json_t *finding)
{
    for (unsigned i = 0; i < r->finding_count; i++) {
        if (r->findings[i] == finding) {
            return true;
        }
    }
    return false;
}

static void tell_finding(const struct acceptance_run *r, struct layout *l, const json_t *finding,
                         const char *says)
{
    const struct accept_entry e = entry_of(r, finding);
    const char *const words[][2] = {{"", id_of(finding)},
                                    {says, r->options->until},
                                    {"as", member_text(finding, "code")},
                                    {"", member_text(finding, "title")},
                                    {"from", e.client},
                                    {"at", e.server}};
    layout_begin(l, 0, 2);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i][1] != NULL) {
            layout_text(l, INK_PLAIN, words[i][0]);
            layout_text(l, INK_PLAIN, words[i][1]);
        }
    }
    layout_end(l);
}

/* An entry names a rule and its ends: it may reach further than the finding it was made for. */
static int tell(const struct acceptance_run *r)
{
    const struct document *d = r->document;
    const struct text_style style = style_for(r->options);
    struct output *out = NULL;
    struct layout l;
    if (open_output(r->options->output, &out) != EXIT_CLEAN) {
        return EXIT_TROUBLE;
    }
    layout_init(&l, out, &style);
    for (unsigned i = 0; i < r->finding_count; i++) {
        tell_finding(r, &l, r->findings[i], "accepted until");
    }
    for (size_t i = 0; i < d->findings.count; i++) {
        const json_t *finding = d->findings.at[i];
        const struct accept_entry e = entry_of(r, finding);
        for (unsigned k = 0; k < r->entry_count && !is_named(r, finding); k++) {
            if (covers(&r->entries[k], &e)) {
                tell_finding(r, &l, finding, "accepted too, by the same entry, until");
                break;
            }
        }
    }
    return close_output(out, r->options->output);
}

static int accept_findings(struct acceptance_run *r, char **ids, int count)
{
    int status = EXIT_CLEAN;
    r->findings = calloc((size_t)count, sizeof *r->findings);
    r->entries = calloc((size_t)count, sizeof *r->entries);
    if (r->findings == NULL || r->entries == NULL) {
        status = trouble("out of memory");
    }
    for (int i = 0; i < count && status == EXIT_CLEAN; i++) {
        status = add_finding(r, ids[i]);
    }
    if (status == EXIT_CLEAN && r->entry_count > 0) {
        int failed =
            policy_accept(r->options->policy, &rule_names, r->entries, r->entry_count, stderr);
        status = failed < 0 ? EXIT_TROUBLE : EXIT_CLEAN;
    }
    status = status == EXIT_CLEAN ? tell(r) : status;
    free(r->findings);
    free(r->entries);
    return status;
}

/* ---- the command ---- */

static int read_records(const char *path, struct document **ret)
{
    char error[DOCUMENT_ERROR] = "out of memory";
    struct output *text = output_to_memory();
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || text == NULL ? -1 : 1;
    while (n > 0) {
        char *at = output_reserve(text, 65536);
        n = at == NULL ? -1 : read(fd, at, 65536);
        output_commit(text, n > 0 ? (size_t)n : 0);
    }
    int status = n < 0 ? trouble("%s: cannot be read: %s", path, strerror(errno)) : EXIT_CLEAN;
    if (fd > STDIN_FILENO) {
        (void)close(fd);
    }
    if (status == EXIT_CLEAN) {
        size_t len = 0;
        const char *octets = output_memory(text, &len);
        status = document_parse(bytes_of(octets, len), error, ret) < 0
                     ? trouble("%s: %s; expected records.jsonl of an audit", path, error)
                     : EXIT_CLEAN;
    }
    int closed = output_close(text); /* memory: nothing that could fail */
    (void)closed;
    return status;
}

static int check_date(const struct options *o, int64_t *ret_ns)
{
    if (!policy_date(o->until, ret_ns)) {
        return trouble("--until %s: is no date; expected one such as 2027-01-31", o->until);
    }
    return *ret_ns / 1000000000 <= (int64_t)time(NULL)
               ? trouble("--until %s: that day is over; expected a later one", o->until)
               : EXIT_CLEAN;
}

static const char *user_name(void)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    return sudo != NULL && *sudo != '\0' ? sudo : user == NULL ? NULL : user->pw_name;
}

int run_accept(const struct command *c, struct options *o, int argc, char **argv)
{
    struct acceptance_run r = {.options = o};
    struct policy *policy = NULL;
    struct document *document = NULL;
    if (o->policy == NULL || strcmp(o->policy, "-") == 0) {
        return usage(c, "no policy file given; name one with -p");
    }
    if (optind >= argc) {
        return usage(c, "no finding given");
    }
    if ((o->store == NULL) == (o->records == NULL)) {
        return usage(c, "where the findings are: name one of --store and --records");
    }
    if (o->until == NULL || o->reason == NULL || o->reason[strspn(o->reason, " ")] == '\0') {
        return usage(c, "an acceptance has an end and a reason: --until DATE --reason TEXT");
    }
    o->by = o->by == NULL ? user_name() : o->by;
    int status = check_date(o, &r.until_ns);
    status = status == EXIT_CLEAN ? load_policy(o, o->policy, &policy) : status;
    if (status == EXIT_CLEAN) {
        status = o->records != NULL ? read_records(o->records, &document)
                                    : read_stored(c, o, o->audit, &document, NULL);
    }
    if (status == EXIT_CLEAN) {
        r.policy = policy;
        r.document = document;
        status = accept_findings(&r, argv + optind, argc - optind);
    }
    document_free(document);
    policy_free(policy);
    return status;
}
