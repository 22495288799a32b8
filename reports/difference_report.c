/*
 * difference_report.c - what changed between two audits, for people and as records.
 */
#include "reports/difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/history.h"
#include "reports/records.h"
#include "reports/text_figures.h"
#include "reports/text_layout.h"

#define BODY 10 /* past "CRITICAL" */

static const char *const names[CHANGES] = {"new", "worse", "still", "better", "gone"};
static const char *const headings[CHANGES] = {
    "NEW", "WORSE", "STILL THERE", "BETTER", "GONE",
};

/* ---- words ---- */

static void put_end(struct layout *l, const json_t *finding, const char *end)
{
    const json_t *party = member_at(finding, end);
    const char *ip = member_text(party, "ip"), *name = member_text(party, "name");
    const char *group = member_text(party, "group");
    name = name != NULL ? name : member_text(party, "learned_name");
    if (name != NULL) {
        layout_text(l, INK_PLAIN, name);
    }
    if (ip != NULL) {
        layout_format(l, INK_PLAIN, name != NULL ? "(%s)" : "%s", ip);
    }
    if (group != NULL) {
        layout_format(l, INK_PLAIN, "of %s", group);
    }
    if (member_number(party, "port") != 0) {
        layout_format(l, INK_PLAIN, "port %" PRIu64, member_number(party, "port"));
    }
}

static void put_ends(struct layout *l, const json_t *finding)
{
    bool client = member_at(finding, "client") != NULL,
         server = member_at(finding, "server") != NULL;
    if (client) {
        put_end(l, finding, "client");
    }
    if (client && server) {
        layout_text(l, INK_PLAIN, "->");
    }
    if (server) {
        put_end(l, finding, "server");
    }
}

static void put_severity(struct layout *l, enum severity severity)
{
    char upper[16] = "";
    const char *name = severity_name(severity);
    for (size_t i = 0; name[i] != '\0' && i < sizeof upper - 1; i++) {
        upper[i] = (char)(name[i] - 'a' + 'A');
    }
    layout_text(l, layout_severity_ink(severity), upper);
}

/* ---- findings ---- */

static const char *sentence(const char *because)
{
    static const struct {
        const char *because, *says;
    } rows[] = {
        {"consistent", "The rule was judged there again, and nothing broke it."},
        {"not assessable", "Seen, but something hid the answer: it may be there still."},
        {"violated by others", "Others break the same rule there; this one was not seen."},
        {"rule is off", "The rule was not judged: it is off, or of another version."},
        {"not observed", "Not seen this time, which is no proof that it was mended."},
    };
    for (size_t i = 0; because != NULL && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].because, because) == 0) {
            return rows[i].says;
        }
    }
    return NULL;
}

static void put_why(struct layout *l, const struct changed *c)
{
    enum severity was = difference_severity(c->before), is = difference_severity(c->after);
    if (c->because != NULL) {
        layout_text(l, INK_FAINT, sentence(c->because));
    } else if (c->change != CHANGE_WORSE && c->change != CHANGE_BETTER) {
        return;
    } else if (was != is) {
        layout_format(l, INK_FAINT, "It was %s.", severity_name(was));
    } else if (c->change == CHANGE_BETTER) {
        layout_format(l, INK_FAINT, "Accepted until %s.",
                      member_text(c->after, "accepted.until") == NULL
                          ? "further notice"
                          : member_text(c->after, "accepted.until"));
    } else {
        layout_text(l, INK_FAINT, "It is no longer accepted.");
    }
}

static void put_finding(struct layout *l, const struct changed *c)
{
    const json_t *f = c->after != NULL ? c->after : c->before;
    const char *code = member_text(f, "code"), *title = member_text(f, "title");
    layout_begin(l, 0, BODY);
    put_severity(l, difference_severity(f));
    layout_column(l, BODY);
    layout_format(l, INK_STRONG, "%s %s", code == NULL ? "" : code, title == NULL ? "" : title);
    layout_end(l);
    layout_begin(l, BODY, BODY + 2);
    put_ends(l, f);
    layout_end(l);
    layout_begin(l, BODY, BODY + 2);
    layout_format(l, INK_FAINT, "id %s.", c->key);
    put_why(l, c);
    layout_end(l);
}

static void put_heading(struct layout *l, const char *heading)
{
    layout_blank(l);
    layout_begin(l, 0, 0);
    layout_text(l, INK_STRONG, heading);
    layout_end(l);
}

static void put_findings(struct layout *l, const struct changes *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (i == 0 || c->at[i - 1].change != c->at[i].change) {
            put_heading(l, headings[c->at[i].change]);
        }
        put_finding(l, &c->at[i]);
    }
}

/* ---- hosts and services ---- */

static void put_host(struct layout *l, const struct changed *c)
{
    const json_t *host = c->after != NULL ? c->after : c->before;
    const char *ip = json_string_value(json_array_get(member_at(host, "ips"), 0));
    const json_t *roles = member_at(host, "roles");
    layout_begin(l, 0, BODY);
    layout_text(l, INK_PLAIN, names[c->change]);
    layout_column(l, BODY);
    layout_text(l, INK_PLAIN, c->key);
    if (ip != NULL && strcmp(ip, c->key) != 0) {
        layout_format(l, INK_PLAIN, "(%s)", ip);
    }
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *role = json_string_value(json_array_get(roles, i));
        layout_text(l, INK_FAINT, role == NULL ? "" : role);
    }
    if (!member_truth(host, "declared")) {
        layout_text(l, INK_FAINT, "not declared");
    }
    layout_end(l);
}

/* Clients of a declared network come and go: they are counted. */
static void put_clients(struct layout *l, const struct changes *c, enum change change)
{
    char figure[FIGURE_TEXT];
    uint64_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        const json_t *host = c->at[i].after != NULL ? c->at[i].after : c->at[i].before;
        count += c->at[i].change == change && member_text(host, "group") != NULL;
    }
    if (count > 0) {
        layout_begin(l, 0, BODY);
        layout_text(l, INK_PLAIN, names[change]);
        layout_column(l, BODY);
        layout_format(l, INK_PLAIN, "%s of the declared clients", figure_count(count, figure));
        layout_end(l);
    }
}

static void put_hosts(struct layout *l, const struct changes *c)
{
    static const enum change told[] = {CHANGE_NEW, CHANGE_GONE};
    if (c->of[CHANGE_NEW] + c->of[CHANGE_GONE] == 0) {
        return;
    }
    put_heading(l, "HOSTS THAT SPOKE");
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        for (size_t i = 0; i < c->count; i++) {
            const json_t *host = c->at[i].after != NULL ? c->at[i].after : c->at[i].before;
            if (c->at[i].change == told[k] && member_text(host, "group") == NULL) {
                put_host(l, &c->at[i]);
            }
        }
        put_clients(l, c, told[k]);
    }
}

static void put_services(struct layout *l, const struct changes *c)
{
    if (c->of[CHANGE_NEW] + c->of[CHANGE_GONE] == 0) {
        return;
    }
    put_heading(l, "SERVICES THAT ANSWERED");
    for (size_t i = 0; i < c->count; i++) {
        const struct changed *s = &c->at[i];
        const json_t *record = s->after != NULL ? s->after : s->before;
        const char *protocol = member_text(record, "protocol");
        const char *transport = member_text(record, "transport");
        if (s->change != CHANGE_NEW && s->change != CHANGE_GONE) {
            continue;
        }
        layout_begin(l, 0, BODY);
        layout_text(l, INK_PLAIN, names[s->change]);
        layout_column(l, BODY);
        put_end(l, record, "server");
        layout_format(l, INK_PLAIN, "%s port %" PRIu64 " %s", transport == NULL ? "" : transport,
                      member_number(record, "port"), protocol == NULL ? "" : protocol);
        layout_end(l);
    }
}

/* ---- grades ---- */

/* A chapter's letter; "-" where there is none. */
static const char *grade_of(const struct document *d, const char *chapter)
{
    for (size_t i = 0; i < d->grades.count; i++) {
        const char *name = member_text(d->grades.at[i], "chapter");
        const char *grade = member_text(d->grades.at[i], "grade");
        if (name != NULL && strcmp(name, chapter) == 0) {
            return grade == NULL ? "-" : grade;
        }
    }
    return "-";
}

/* The next chapter from `place` on whose letter changed; NULL: none. */
static const char *next_change(const struct difference *d, size_t *place)
{
    while (*place < d->after->grades.count) {
        const char *chapter = member_text(d->after->grades.at[(*place)++], "chapter");
        if (chapter != NULL &&
            strcmp(grade_of(d->before, chapter), grade_of(d->after, chapter)) != 0) {
            return chapter;
        }
    }
    return NULL;
}

static void put_grades(struct layout *l, const struct difference *d)
{
    size_t place = 0;
    bool begun = false;
    const char *chapter = NULL;
    while ((chapter = next_change(d, &place)) != NULL) {
        if (!begun) {
            put_heading(l, "GRADES");
        }
        begun = true;
        layout_begin(l, 0, BODY);
        layout_format(l, INK_PLAIN, "%s to %s", grade_of(d->before, chapter),
                      grade_of(d->after, chapter));
        layout_column(l, BODY);
        layout_text(l, INK_PLAIN, chapter);
        layout_end(l);
    }
}

static void add_grades(struct json *j, const struct difference *d)
{
    size_t place = 0;
    const char *chapter = NULL;
    json_open(j, "grades", '[');
    while ((chapter = next_change(d, &place)) != NULL) {
        json_open(j, NULL, '{');
        json_text(j, "chapter", chapter);
        json_text(j, "before", grade_of(d->before, chapter));
        json_text(j, "after", grade_of(d->after, chapter));
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* ---- the whole ---- */

static void put_audit(struct layout *l, const char *label, int64_t id, const struct document *d)
{
    char time[HISTORY_TIME];
    const char *policy = member_text(d->audit, "policy");
    layout_begin(l, 0, BODY);
    layout_text(l, INK_FAINT, label);
    layout_column(l, BODY);
    layout_format(l, INK_PLAIN, "audit %" PRId64 " of traffic from", id);
    layout_together(l, INK_PLAIN, history_time(member_text(d->audit, "start"), time));
    layout_format(l, INK_PLAIN, "under %s", policy == NULL ? "?" : policy);
    layout_end(l);
}

void difference_text(struct output *out, const struct text_style *style, const struct difference *d)
{
    struct layout l;
    char figure[FIGURE_TEXT];
    const struct changes *f = &d->findings;
    bool fails = difference_fails(d, style->fail_on);
    layout_init(&l, out, style);
    put_audit(&l, "Before", d->before_id, d->before);
    put_audit(&l, "After", d->after_id, d->after);
    put_findings(&l, f);
    put_hosts(&l, &d->hosts);
    put_services(&l, &d->services);
    put_grades(&l, d);
    layout_blank(&l);
    layout_begin(&l, 0, 0);
    for (int i = 0; i < CHANGES; i++) {
        layout_format(&l, INK_STRONG, "%s %s%s", figure_count(f->of[i], figure),
                      i == CHANGE_STILL ? "still there" : names[i], i == CHANGE_GONE ? "." : ",");
    }
    layout_format(&l, INK_PLAIN, "Exit status %d: %s new or worse at or above %s.", fails,
                  fails ? "findings" : "nothing", severity_name(style->fail_on));
    layout_end(&l);
}

/* ---- records ---- */

static void add_member(struct json *j, const json_t *record, const char *key)
{
    const json_t *value = member_at(record, key);
    if (value != NULL) {
        json_value(j, key, value);
    }
}

static void record_changes(struct output *out, const char *of, const struct changes *c,
                           const char *const *keys)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct changed *one = &c->at[i];
        const json_t *shown = one->after != NULL ? one->after : one->before;
        struct json j = record_begin(out, "difference");
        json_text(&j, "of", of);
        json_text(&j, "change", names[one->change]);
        for (const char *const *key = keys; *key != NULL; key++) {
            add_member(&j, shown, *key);
        }
        if (one->before != NULL && one->after != NULL &&
            difference_severity(one->before) != difference_severity(one->after)) {
            json_text(&j, "severity_before", severity_name(difference_severity(one->before)));
        }
        json_text(&j, "because", one->because);
        record_end(&j);
    }
}

static void add_counts(struct json *j, const char *key, const struct changes *c)
{
    json_open(j, key, '{');
    for (int i = 0; i < CHANGES; i++) {
        json_number(j, names[i], c->of[i]);
    }
    json_close(j, '}');
}

void difference_records(struct output *out, const struct difference *d)
{
    static const char *const of_finding[] = {"id",       "rule",       "code",   "title",
                                             "severity", "confidence", "client", "server",
                                             "accepted", NULL};
    static const char *const of_host[] = {"name", "ips",   "declared", "roles", "site",
                                          "zone", "group", "worst",    NULL};
    static const char *const of_service[] = {"server", "protocol", "transport", "port", NULL};
    record_changes(out, "finding", &d->findings, of_finding);
    record_changes(out, "host", &d->hosts, of_host);
    record_changes(out, "service", &d->services, of_service);
    struct json j = record_begin(out, "differences");
    json_number(&j, "before", (uint64_t)d->before_id);
    json_number(&j, "after", (uint64_t)d->after_id);
    add_counts(&j, "findings", &d->findings);
    add_counts(&j, "hosts", &d->hosts);
    add_counts(&j, "services", &d->services);
    add_grades(&j, d);
    record_end(&j);
}
