/*
 * text_findings.c - the findings, worst first, and what the policy accepts in a chapter of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/ledger.h"
#include "reports/text_parts.h"

#define BODY 10 /* past "CRITICAL" */
#define TEXT 20 /* past "Evidence" */

static bool is_accepted(const struct finding *f)
{
    return f->accepted != NULL && !f->acceptance_expired;
}

static void labelled(struct report *r, const char *label)
{
    layout_begin(&r->l, BODY, TEXT);
    layout_text(&r->l, INK_FAINT, label);
    layout_column(&r->l, TEXT);
}

static void paragraph(struct report *r, const char *label, const char *text)
{
    if (text != NULL && *text != '\0') {
        labelled(r, label);
        layout_text(&r->l, INK_PLAIN, text);
        layout_end(&r->l);
    }
}

static void add_party(struct report *r, const struct party *p)
{
    char text[PARTY_TEXT];
    layout_text(&r->l, INK_PLAIN, party_text(p, text));
    if (p->port != 0) {
        char port[16];
        (void)snprintf(port, sizeof port, "port %u", p->port);
        layout_together(&r->l, INK_PLAIN, port);
    }
}

static void add_parties(struct report *r, const struct finding *f)
{
    if (!f->client.known && !f->server.known) {
        return;
    }
    layout_begin(&r->l, BODY, BODY + 2);
    if (f->client.known) {
        add_party(r, &f->client);
    }
    if (f->client.known && f->server.known) {
        layout_text(&r->l, INK_PLAIN, "->");
    }
    if (f->server.known) {
        add_party(r, &f->server);
    }
    layout_end(&r->l);
}

static void add_when(struct report *r, const struct finding *f)
{
    char count[FIGURE_TEXT], flows[FIGURE_TEXT], first[FIGURE_TEXT], last[FIGURE_TEXT],
        often[2 * FIGURE_TEXT];
    (void)snprintf(often, sizeof often, f->count == 1 ? "once" : "%s times",
                   figure_count(f->count, count));
    (void)figure_time(f->first_ns, f->precision, r->day, first);
    (void)figure_time(f->last_ns, f->precision, r->day, last);
    layout_begin(&r->l, BODY, BODY + 2);
    layout_format(&r->l, INK_PLAIN, "%s;", confidence_name(f->confidence));
    if (f->flows_total > 1) {
        layout_format(&r->l, INK_PLAIN, "%s in %s conversations,", often,
                      figure_count(f->flows_total, flows));
    } else {
        layout_format(&r->l, INK_PLAIN, "%s,", often);
    }
    if (f->first_ns == f->last_ns) {
        layout_format(&r->l, INK_PLAIN, "at %s", first);
    } else {
        layout_format(&r->l, INK_PLAIN, "from %s to %s", first, last);
    }
    layout_end(&r->l);
}

static void add_evidence(struct report *r, const struct finding *f)
{
    char time[FIGURE_TEXT], place[320];
    for (unsigned i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        const char *file =
            r->names->source == NULL ? NULL : source_file_name(r->names->source, e->at.file);
        layout_begin(&r->l, BODY, TEXT + 2);
        layout_text(&r->l, INK_FAINT, i == 0 ? "Evidence" : "");
        layout_column(&r->l, TEXT);
        (void)snprintf(place, sizeof place, "%s #%" PRIu64, file == NULL ? "packet" : file,
                       e->at.packet);
        layout_together(&r->l, INK_PLAIN, place);
        layout_text(&r->l, INK_FAINT, figure_time(e->at.ns, e->at.precision, r->day, time));
        layout_text(&r->l, INK_PLAIN, e->says == NULL ? "" : e->says);
        layout_end(&r->l);
    }
}

static void add_acceptance(struct report *r, const struct finding *f)
{
    const struct acceptance *a = f->accepted;
    if (a == NULL) {
        return;
    }
    labelled(r, "Accepted");
    layout_text(&r->l, INK_PLAIN, a->reason == NULL ? "no reason given" : a->reason);
    if (a->until != NULL) {
        layout_format(&r->l, f->acceptance_expired ? INK_HIGH : INK_PLAIN, "(%s %s)",
                      f->acceptance_expired ? "expired on" : "until", a->until);
    }
    if (a->by != NULL) {
        layout_format(&r->l, INK_PLAIN, "by %s", a->by);
    }
    layout_end(&r->l);
}

static void add_basis(struct report *r, const struct finding *f)
{
    labelled(r, "Basis");
    layout_format(&r->l, INK_FAINT, "id %s; %s; %s", f->id, f->rule->name,
                  f->rule->statements == NULL ? "" : f->rule->statements);
    layout_end(&r->l);
}

static bool same_remedy(const struct finding *f, const struct finding *before)
{
    return before != NULL && before->rule == f->rule && f->remediation != NULL &&
           before->remediation != NULL && strcmp(f->remediation, before->remediation) == 0;
}

static void add_finding(struct report *r, const struct finding *f, const struct finding *before)
{
    char severity[16];
    size_t len = 0;
    for (const char *name = severity_name(f->severity);
         name[len] != '\0' && len < sizeof severity - 1; len++) {
        severity[len] = (char)(name[len] - 'a' + 'A');
    }
    severity[len] = '\0';
    layout_blank(&r->l);
    layout_begin(&r->l, 0, BODY);
    layout_text(&r->l, layout_severity_ink(f->severity), severity);
    layout_column(&r->l, BODY);
    layout_format(&r->l, INK_STRONG, "%s %s", f->rule->code, f->title);
    layout_end(&r->l);
    add_parties(r, f);
    add_when(r, f);
    if (f->explanation != NULL) {
        layout_begin(&r->l, BODY, BODY);
        layout_text(&r->l, INK_PLAIN, f->explanation);
        layout_end(&r->l);
    }
    add_evidence(r, f);
    paragraph(r, "Remedy", same_remedy(f, before) ? "as for the finding above" : f->remediation);
    add_acceptance(r, f);
    add_basis(r, f);
}

static void add_chapter(struct report *r, const char *heading, bool accepted)
{
    size_t count = 0;
    const struct finding *const *findings = audit_findings(r->audit, &count);
    const struct finding *before = NULL;
    for (size_t i = 0; i < count; i++) {
        if (is_accepted(findings[i]) == accepted) {
            if (before == NULL) {
                text_heading(r, heading);
            }
            add_finding(r, findings[i], before);
            before = findings[i];
        }
    }
}

void text_findings(struct report *r)
{
    add_chapter(r, "FINDINGS", false);
    add_chapter(r, "ACCEPTED BY THE POLICY", true);
}
