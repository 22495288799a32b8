/*
 * text_findings.c - the findings, worst first, and what the policy accepts in a chapter of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dissect/text.h"
#include "reports/text_parts.h"

#define BODY 10 /* past "CRITICAL" */
#define TEXT 20 /* past "Evidence" */
/* Findings of a rule and severity that are told in full: where every client of a site breaks it,
 * what the next ones add is who, how often and where. */
#define TOLD_IN_FULL 20

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

/* "mp01.corp.example (10.0.1.20)", "10.1.0.5 (hq, called pc7.corp.example by DNS)": as in the
 * sentences of rules (party_text). */
static void add_party(struct report *r, const struct end_view *e)
{
    if (*e->learned_from != '\0') {
        layout_format(&r->l, INK_PLAIN, "%s (%.30s%scalled %.50s by %s)", e->ip, e->group,
                      *e->group == '\0' ? "" : ", ", e->name, e->learned_from);
    } else if (*e->name != '\0') {
        layout_format(&r->l, INK_PLAIN, "%.100s (%s)", e->name, e->ip);
    } else if (*e->group != '\0') {
        layout_format(&r->l, INK_PLAIN, "%s (%.80s)", e->ip, e->group);
    } else {
        layout_text(&r->l, INK_PLAIN, e->ip);
    }
    if (e->port != 0) {
        char text[sizeof "port " + TEXT_DECIMAL] = "port ";
        (void)text_decimal(text + strlen(text), e->port);
        layout_together(&r->l, INK_PLAIN, text);
    }
}

static void add_ends(struct report *r, const struct finding_view *v)
{
    if (v->client.known) {
        add_party(r, &v->client);
    }
    if (v->client.known && v->server.known) {
        layout_text(&r->l, INK_PLAIN, "->");
    }
    if (v->server.known) {
        add_party(r, &v->server);
    }
}

static void add_parties(struct report *r, const struct finding_view *v)
{
    if (v->client.known || v->server.known) {
        layout_begin(&r->l, BODY, BODY + 2);
        add_ends(r, v);
        layout_end(&r->l);
    }
}

#define OFTEN_TEXT (2 * FIGURE_TEXT)
static const char *how_often(const struct finding_view *v, char text[OFTEN_TEXT])
{
    char count[FIGURE_TEXT];
    (void)snprintf(text, OFTEN_TEXT, v->count == 1 ? "once" : "%s times",
                   figure_count(v->count, count));
    return text;
}

static void add_when(struct report *r, const struct finding_view *v)
{
    uint64_t flows = member_number(v->record, "flows_total");
    char figure[FIGURE_TEXT], first[FIGURE_TEXT], last[FIGURE_TEXT], often[OFTEN_TEXT];
    (void)how_often(v, often);
    (void)figure_time(v->first, r->day, first);
    (void)figure_time(v->last, r->day, last);
    layout_begin(&r->l, BODY, BODY + 2);
    layout_format(&r->l, INK_PLAIN, "%s;", v->confidence);
    if (flows > 1) {
        layout_format(&r->l, INK_PLAIN, "%s in %s conversations,", often,
                      figure_count(flows, figure));
    } else {
        layout_format(&r->l, INK_PLAIN, "%s,", often);
    }
    if (strcmp(v->first, v->last) == 0) {
        layout_format(&r->l, INK_PLAIN, "at %s", first);
    } else {
        layout_format(&r->l, INK_PLAIN, "from %s to %s", first, last);
    }
    layout_end(&r->l);
}

/* "NTLM AUTHENTICATE from octet 146 on: 4e544c4d 53535000 ..." */
static void add_octets(struct report *r, const json_t *row)
{
    const char *hex = member_text(row, "hex");
    char four[9];
    if (hex == NULL || !r->octets) {
        return;
    }
    layout_begin(&r->l, TEXT + 2, TEXT + 2);
    if (member_number(row, "hex_packet") != 0) {
        layout_format(&r->l, INK_FAINT, "in packet %" PRIu64 ",", member_number(row, "hex_packet"));
    }
    layout_format(&r->l, INK_FAINT, "%s from octet %" PRIu64 " on:", member_or_empty(row, "hex_of"),
                  member_number(row, "hex_offset"));
    for (size_t len = strlen(hex), at = 0; at < len; at += sizeof four - 1) {
        (void)snprintf(four, sizeof four, "%s", hex + at);
        layout_text(&r->l, INK_PLAIN, four);
    }
    layout_end(&r->l);
}

/* "monday.pcap #48" */
static void add_place(struct report *r, const char *file, uint64_t packet)
{
    char place[320];
    (void)snprintf(place, sizeof place, "%s #%" PRIu64, *file == '\0' ? "packet" : file, packet);
    layout_together(&r->l, INK_PLAIN, place);
}

static void add_evidence(struct report *r, const struct finding_view *v)
{
    char time[FIGURE_TEXT];
    const json_t *all = member_at(v->record, "evidence");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *e = json_array_get(all, i);
        layout_begin(&r->l, BODY, TEXT + 2);
        layout_text(&r->l, INK_FAINT, i == 0 ? "Evidence" : "");
        layout_column(&r->l, TEXT);
        add_place(r, member_or_empty(e, "file"), member_number(e, "packet"));
        layout_text(&r->l, INK_FAINT, figure_time(member_or_empty(e, "ts"), r->day, time));
        layout_text(&r->l, INK_PLAIN, member_or_empty(e, "says"));
        layout_end(&r->l);
        add_octets(r, e);
    }
    if (member_text(v->record, "evidence_file") != NULL) {
        labelled(r, "Packets");
        layout_unbroken(&r->l, INK_PLAIN, member_or_empty(v->record, "evidence_file"));
        layout_end(&r->l);
    }
}

static void add_acceptance(struct report *r, const struct finding_view *v)
{
    const json_t *a = member_at(v->record, "accepted");
    if (a == NULL) {
        return;
    }
    const char *reason = member_text(a, "reason"), *until = member_text(a, "until");
    bool expired = member_truth(a, "expired");
    labelled(r, "Accepted");
    layout_text(&r->l, INK_PLAIN, reason == NULL ? "no reason given" : reason);
    if (until != NULL) {
        layout_format(&r->l, expired ? INK_HIGH : INK_PLAIN, "(%s %s)",
                      expired ? "expired on" : "until", until);
    }
    if (member_text(a, "by") != NULL) {
        layout_format(&r->l, INK_PLAIN, "by %s", member_text(a, "by"));
    }
    layout_end(&r->l);
}

static void add_basis(struct report *r, const struct finding_view *v)
{
    const json_t *statements = member_at(v->record, "statements");
    labelled(r, "Basis");
    layout_format(&r->l, INK_FAINT, "id %s; %s;", v->id, v->name);
    for (size_t i = 0; i < json_array_size(statements); i++) {
        const char *statement = json_string_value(json_array_get(statements, i));
        layout_text(&r->l, INK_FAINT, statement == NULL ? "" : statement);
    }
    layout_end(&r->l);
}

static bool same_remedy(const struct finding_view *v, const struct finding_view *before)
{
    return before->record != NULL && strcmp(before->name, v->name) == 0 &&
           *v->remediation != '\0' && strcmp(v->remediation, before->remediation) == 0;
}

void text_finding(struct report *r, const struct finding_view *v, const struct finding_view *before)
{
    char severity[16];
    size_t len = 0;
    for (; v->severity[len] != '\0' && len < sizeof severity - 1; len++) {
        severity[len] = (char)(v->severity[len] - 'a' + 'A');
    }
    severity[len] = '\0';
    layout_blank(&r->l);
    layout_begin(&r->l, 0, BODY);
    layout_text(&r->l, layout_severity_ink((enum severity)v->rank), severity);
    layout_column(&r->l, BODY);
    layout_format(&r->l, INK_STRONG, "%s %s", v->code, v->title);
    layout_end(&r->l);
    add_parties(r, v);
    add_when(r, v);
    if (*v->explanation != '\0') {
        layout_begin(&r->l, BODY, BODY);
        layout_text(&r->l, INK_PLAIN, v->explanation);
        layout_end(&r->l);
    }
    add_evidence(r, v);
    paragraph(r, "Remedy", same_remedy(v, before) ? "as for the finding above" : v->remediation);
    add_acceptance(r, v);
    add_basis(r, v);
}

/* "10.1.0.5 (hq) -> mp01.corp.example (10.0.1.20) port 80 2 times, first in a.pcap #48 id 5e" */
static void add_line(struct report *r, const struct finding_view *v)
{
    char text[OFTEN_TEXT];
    layout_begin(&r->l, BODY, BODY + 2);
    add_ends(r, v);
    if (v->packet == 0) {
        layout_text(&r->l, INK_PLAIN, how_often(v, text));
    } else {
        layout_format(&r->l, INK_PLAIN, v->count == 1 ? "%s in" : "%s, first in",
                      how_often(v, text));
        add_place(r, v->file, v->packet);
    }
    (void)snprintf(text, sizeof text, "id %.*s", OFTEN_TEXT - 4, v->id);
    layout_together(&r->l, INK_FAINT, text);
    layout_end(&r->l);
}

struct telling { /* a chapter of findings */
    const char *heading;
    bool accepted;
    struct finding_view before; /* the last that was told in full; its record NULL: none yet */
    json_t *kept;               /* that record */
    size_t of_kind;             /* findings like it, itself among them */
    bool others;                /* there are findings of the other chapter */
};

static bool same_kind(const struct finding_view *v, const struct finding_view *before)
{
    return before->record != NULL && v->rank == before->rank && strcmp(v->name, before->name) == 0;
}

/* Whether the finding is done with by a line, or by the other chapter. */
static bool told_briefly(struct report *r, struct telling *t, size_t place)
{
    if (r->full || t->of_kind < TOLD_IN_FULL) {
        return false;
    }
    const struct finding_view v = finding_view_brief(r->d, place);
    if (v.accepted != t->accepted) {
        t->others = true;
        return true;
    }
    if (!same_kind(&v, &t->before)) {
        return false;
    }
    if (t->of_kind++ == TOLD_IN_FULL) {
        layout_blank(&r->l);
        layout_begin(&r->l, BODY, BODY);
        layout_format(&r->l, INK_STRONG, "More of %s, a line each (in full with --full):", v.code);
        layout_end(&r->l);
    }
    add_line(r, &v);
    return true;
}

/* False: out of memory. */
static bool tell_fully(struct report *r, struct telling *t, size_t place)
{
    const struct finding_view v = finding_view(r->d, place);
    if (v.record == NULL) {
        return false;
    }
    if (v.accepted != t->accepted) {
        t->others = true;
        return true;
    }
    if (t->before.record == NULL) {
        text_heading(r, t->heading);
    }
    text_finding(r, &v, &t->before);
    t->of_kind = same_kind(&v, &t->before) ? t->of_kind + 1 : 1;
    json_decref(t->kept);
    t->kept = json_incref((json_t *)v.record); /* counting changes no value */
    t->before = v;
    return true;
}

/* Whether there were findings of the other kind. */
static bool add_chapter(struct report *r, const char *heading, bool accepted)
{
    struct telling t = {.heading = heading, .accepted = accepted};
    for (size_t i = 0; i < r->d->findings.count; i++) {
        if (!told_briefly(r, &t, i) && !tell_fully(r, &t, i)) {
            output_refuse(r->l.out, "out of memory for the report");
            break;
        }
    }
    json_decref(t.kept);
    return t.others;
}

void text_findings(struct report *r)
{
    if (add_chapter(r, "FINDINGS", false)) {
        (void)add_chapter(r, "ACCEPTED BY THE POLICY", true);
    }
}
