/*
 * screen_pages.c - the lists of the live screen: findings, hosts, protocols.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reports/screen_parts.h"

#define PARTY_MOST 300
#define NS_PER_SECOND INT64_C(1000000000)

/* ---- what is common ---- */

/* The part of a list that is shown: the selected line is always in it. */
static void scroll(struct screen_view *v, enum screen_page page, size_t count, size_t rows)
{
    size_t *at = &v->selected[page], *first = &v->first[page];
    *at = count == 0 ? 0 : *at < count ? *at : count - 1;
    if (*at < *first) {
        *first = *at;
    } else if (rows > 0 && *at - *first >= rows) {
        *first = *at - rows + 1;
    }
    if (count <= rows) {
        *first = 0;
    } else if (*first > count - rows) {
        *first = count - rows;
    }
    v->room = rows;
}

/* Without colour and without reverse, the mark tells. */
static struct pen begin_line(struct canvas *c, const struct area *a, unsigned line, bool selected)
{
    struct pen p = area_pen(a, line);
    canvas_text(c, &p, INK_STRONG, selected ? ">" : " ");
    return p;
}

/* The next `columns` of the line, and a blank after them. */
static struct pen take(struct pen *p, unsigned columns)
{
    unsigned end = p->column + columns < p->end ? p->column + columns : p->end;
    struct pen part = {.row = p->row, .column = p->column, .end = end};
    p->column = end + 1;
    return part;
}

static void say(struct canvas *c, const struct area *a, enum ink ink, const char *text)
{
    struct pen p = area_pen(a, 0);
    if (a->rows > 0) {
        canvas_text(c, &p, ink, text);
    }
}

/* UTC, as everywhere. */
static const char *clock_of(int64_t ns, char text[FIGURE_TEXT])
{
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL || strftime(text, FIGURE_TEXT, "%H:%M:%S", &utc) == 0) {
        text[0] = '\0';
    }
    return text;
}

/* ---- findings ---- */

static void party_short(const struct party *p, char text[PARTY_MOST])
{
    char address[ADDRESS_TEXT];
    const char *name = p->host != NULL      ? p->host->short_name
                       : p->learned != NULL ? p->learned->name
                                            : address_format(&p->address, address);
    int len = p->host == NULL && p->learned != NULL ? (int)strcspn(name, ".") : (int)strlen(name);
    if (!p->known) {
        text[0] = '\0';
    } else if (p->port != 0) {
        (void)snprintf(text, PARTY_MOST, "%.*s:%u", len, name, p->port);
    } else {
        (void)snprintf(text, PARTY_MOST, "%.*s", len, name);
    }
}

static void add_ends(struct canvas *c, struct pen *p, const struct finding *f)
{
    char client[PARTY_MOST], server[PARTY_MOST];
    party_short(&f->client, client);
    party_short(&f->server, server);
    bool both = client[0] != '\0' && server[0] != '\0';
    canvas_format(c, p, INK_PLAIN, "%s%s%s", client, both ? " -> " : "", server);
}

/* When it was first seen, and where there is room when last, and how often; at the right end. NULL:
 * the headings of these columns. */
static void add_times(struct canvas *c, struct pen *p, const struct finding *f)
{
    const unsigned end = p->end, room = end > p->column ? end - p->column : 0;
    char text[FIGURE_TEXT];
    if (room < 64) {
        return;
    }
    if (room >= 110) {
        canvas_right(c, p, INK_FAINT, f == NULL ? "last" : clock_of(f->last_ns, text));
        p->end = end - 9;
    }
    canvas_right(c, p, INK_FAINT, f == NULL ? "first" : clock_of(f->first_ns, text));
    p->end = end - (room >= 110 ? 18 : 9);
    if (room >= 110) {
        canvas_right(c, p, f == NULL ? INK_FAINT : INK_PLAIN,
                     f == NULL ? "times" : figure_count(f->count, text));
        p->end = end - 28;
    }
}

/* In eight columns, or in four. */
static const char *severity_word(const struct screen_row *row, bool whole)
{
    static const char *const brief[] = {
        [SEVERITY_OFF] = "",       [SEVERITY_INFO] = "info", [SEVERITY_LOW] = "low",
        [SEVERITY_MEDIUM] = "med", [SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "crit",
    };
    enum severity s = row->finding->severity;
    return whole           ? (row->accepted ? "accepted" : severity_name(s))
           : row->accepted ? "acc"
                           : brief[s];
}

static void add_finding(struct canvas *c, struct pen p, const struct screen_row *row)
{
    const struct finding *f = row->finding;
    unsigned room = p.end > p.column ? p.end - p.column : 0;
    enum ink ink = row->accepted ? INK_FAINT : layout_severity_ink(f->severity);
    add_times(c, &p, f);
    struct pen part = take(&p, room >= 48 ? 8 : 4);
    canvas_text(c, &part, ink, severity_word(row, room >= 48));
    part = take(&p, 4);
    canvas_text(c, &part, INK_STRONG, f->rule->code);
    room = p.end > p.column ? p.end - p.column : 0;
    if (room >= 46) {
        unsigned ends = room >= 100 ? room * 2 / 5 : 24;
        part = take(&p, room - ends - 1);
        canvas_text(c, &part, row->accepted ? INK_FAINT : INK_PLAIN, f->title);
        add_ends(c, &p, f);
    } else {
        canvas_text(c, &p, row->accepted ? INK_FAINT : INK_PLAIN, f->title);
    }
}

/* "Findings, newest first, high and worse, of mp01". */
static void add_heading(struct canvas *c, const struct area *a, const struct screen_view *v)
{
    char host[ADDRESS_TEXT], figure[FIGURE_TEXT];
    struct pen p = area_pen(a, 0);
    p.column++; /* as the lines below */
    add_times(c, &p, NULL);
    p.column--;
    canvas_format(c, &p, INK_STRONG, "Findings: %s",
                  v->worst_first ? "worst first" : "newest first");
    if (v->least > SEVERITY_INFO) {
        canvas_format(c, &p, layout_severity_ink(v->least), ", %s%s", severity_name(v->least),
                      v->least == SEVERITY_CRITICAL ? "" : " and worse");
    }
    if (v->one_host) {
        canvas_format(c, &p, INK_STRONG, ", of %s",
                      v->host != NULL ? v->host->name : address_format(&v->address, host));
    }
    if (v->shown_count > 0) {
        canvas_format(c, &p, INK_FAINT, "  %s",
                      figure_count(v->selected[PAGE_FINDINGS] + 1, figure));
        canvas_format(c, &p, INK_FAINT, " of %s", figure_count(v->shown_count, figure));
    }
}

void screen_findings(struct canvas *c, const struct area *a, struct screen_view *v)
{
    unsigned heading = a->rows >= 3;
    const struct area list = {a->row + heading, a->rows - heading, a->column, a->end};
    scroll(v, PAGE_FINDINGS, v->shown_count, list.rows);
    if (heading != 0) {
        add_heading(c, a, v);
    }
    if (v->shown_count == 0) {
        bool filtered = v->one_host || v->least > SEVERITY_INFO;
        say(c, &list, INK_FAINT,
            filtered ? "none of these; f filters otherwise, Esc shows all hosts" : "none so far");
    }
    for (unsigned line = 0; line < list.rows && v->first[PAGE_FINDINGS] + line < v->shown_count;
         line++) {
        size_t at = v->first[PAGE_FINDINGS] + line;
        bool selected = at == v->selected[PAGE_FINDINGS];
        add_finding(c, begin_line(c, &list, line, selected), v->shown[at]);
        if (selected) {
            canvas_reverse(c, list.row + line);
        }
    }
}

/* ---- hosts ---- */

static void add_name(struct canvas *c, struct pen *p, const struct screen_host *h)
{
    char address[ADDRESS_TEXT];
    if (h->declared != NULL) {
        canvas_text(c, p, INK_STRONG, h->declared->name);
        return;
    }
    canvas_text(c, p, INK_PLAIN, address_format(&h->address, address));
    if (h->learned != NULL) {
        canvas_format(c, p, INK_FAINT, " %.*s", (int)strcspn(h->learned, "."), h->learned);
    }
}

static void add_worst(struct canvas *c, struct pen *p, const struct screen_host *h)
{
    if (h->worst != SEVERITY_OFF) {
        canvas_text(c, p, layout_severity_ink(h->worst), severity_name(h->worst));
    }
}

/* The short ones first, as roles may be many. */
static void add_place(struct canvas *c, struct pen *p, const struct screen_host *h)
{
    if (*h->site != '\0') {
        canvas_format(c, p, INK_FAINT, "%s ", h->site);
    }
    if (*h->zone != '\0') {
        canvas_format(c, p, INK_FAINT, "%s ", h->zone);
    }
    canvas_text(c, p, INK_PLAIN, h->group);
    for (unsigned i = 0; h->declared != NULL && i < h->declared->role_count; i++) {
        canvas_format(c, p, INK_PLAIN, "%s%s", i == 0 ? "" : ", ",
                      role_name(h->declared->roles[i].role));
    }
}

/* Figures at the right end; NULL: the headings of their columns. */
static void add_host_figures(struct canvas *c, struct pen *p, const struct screen_host *h)
{
    char figure[FIGURE_TEXT];
    const struct pen all = *p;
    unsigned room = all.end > all.column ? all.end - all.column : 0;
    struct pen part = {.row = p->row, .column = all.end > 8 ? all.end - 8 : 0, .end = all.end};
    if (h == NULL) {
        canvas_text(c, &part, INK_FAINT, "worst");
    } else {
        add_worst(c, &part, h);
    }
    p->end = all.end > 9 ? all.end - 9 : 0;
    canvas_right(c, p, h == NULL ? INK_FAINT : INK_PLAIN,
                 h == NULL ? "findings" : figure_count(h->findings, figure));
    p->end = room >= 60 && all.end > 18 ? all.end - 18 : p->end;
    if (room >= 60) {
        canvas_right(c, p, h == NULL ? INK_FAINT : INK_PLAIN,
                     h == NULL ? "octets" : figure_octets(h->octets, figure));
        p->end = all.end - 29;
    }
    if (room >= 100) {
        canvas_right(c, p, h == NULL ? INK_FAINT : INK_PLAIN,
                     h == NULL ? "conversations" : figure_count(h->flows, figure));
        p->end = all.end - 44;
    }
}

static void add_host(struct canvas *c, struct pen p, const struct screen_host *h)
{
    char address[ADDRESS_TEXT];
    unsigned room = p.end > p.column ? p.end - p.column : 0;
    add_host_figures(c, &p, h);
    if (room < 60) {
        add_name(c, &p, h);
        return;
    }
    struct pen part = take(&p, room >= 100 ? 30 : 24);
    add_name(c, &part, h);
    if (room >= 130) {
        part = take(&p, 16);
        canvas_text(c, &part, INK_FAINT,
                    h->declared == NULL ? "" : address_format(&h->address, address));
    }
    add_place(c, &p, h);
}

static void add_host_heading(struct canvas *c, const struct area *a, const struct screen_model *m)
{
    char figure[FIGURE_TEXT];
    struct pen p = area_pen(a, 0);
    add_host_figures(c, &p, NULL);
    canvas_text(c, &p, INK_STRONG, "Hosts: most octets first");
    canvas_format(c, &p, INK_FAINT, "  %s in all", figure_count(m->host_total, figure));
}

void screen_hosts(struct canvas *c, const struct area *a, const struct screen_model *m,
                  struct screen_view *v)
{
    unsigned heading = a->rows >= 3;
    const struct area list = {a->row + heading, a->rows - heading, a->column, a->end};
    scroll(v, PAGE_HOSTS, m->host_count, list.rows);
    if (heading != 0) {
        add_host_heading(c, a, m);
    }
    for (unsigned line = 0; line < list.rows && v->first[PAGE_HOSTS] + line < m->host_count;
         line++) {
        size_t at = v->first[PAGE_HOSTS] + line;
        bool selected = at == v->selected[PAGE_HOSTS];
        add_host(c, begin_line(c, &list, line, selected), &m->hosts[at]);
        if (selected) {
            canvas_reverse(c, list.row + line);
        }
    }
}

/* ---- protocols ---- */

static uint64_t all_octets(const struct screen_model *m)
{
    uint64_t all = 0;
    for (size_t i = 0; i < m->protocol_count; i++) {
        all += m->protocols[i].octets;
    }
    return all;
}

static void add_protocol(struct canvas *c, struct pen p, const struct screen_protocol *protocol,
                         uint64_t all)
{
    char figure[FIGURE_TEXT];
    double share = all == 0 ? 0 : (double)protocol->octets / (double)all;
    unsigned room = p.end > p.column ? p.end - p.column : 0;
    struct pen part = take(&p, room >= 60 ? 20 : 12);
    canvas_text(c, &part, INK_PLAIN, protocol->name);
    part = take(&p, 4);
    canvas_format(c, &part, INK_STRONG, "%3.0f%%", share * 100);
    if (room >= 28) {
        unsigned end = p.end;
        canvas_right(c, &p, INK_PLAIN, figure_octets(protocol->octets, figure));
        p.end = end > 11 ? end - 11 : 0;
    }
    if (room >= 60) {
        char flows[FIGURE_TEXT + 16];
        unsigned end = p.end;
        (void)snprintf(flows, sizeof flows, "%s conversation%s",
                       figure_count(protocol->flows, figure), protocol->flows == 1 ? " " : "s");
        canvas_right(c, &p, INK_FAINT, flows);
        p.end = end > 24 ? end - 24 : 0;
    }
    unsigned bar = p.end > p.column ? p.end - p.column : 0;
    canvas_bar(c, &p, INK_LOW, (unsigned)(share * 8 * bar + 0.5));
}

void screen_protocols(struct canvas *c, const struct area *a, const struct screen_model *m,
                      struct screen_view *v)
{
    unsigned heading = a->rows >= 3;
    const struct area list = {a->row + heading, a->rows - heading, a->column, a->end};
    uint64_t all = all_octets(m);
    scroll(v, PAGE_PROTOCOLS, m->protocol_count, list.rows);
    if (heading != 0) {
        say(c, a, INK_STRONG, "Protocols: most octets first");
    }
    for (unsigned line = 0; line < list.rows && v->first[PAGE_PROTOCOLS] + line < m->protocol_count;
         line++) {
        size_t at = v->first[PAGE_PROTOCOLS] + line;
        bool selected = at == v->selected[PAGE_PROTOCOLS];
        add_protocol(c, begin_line(c, &list, line, selected), &m->protocols[at], all);
        if (selected) {
            canvas_reverse(c, list.row + line);
        }
    }
}

/* ---- the first page ---- */

/* The protocols on the left, the hosts on the right; below, the findings. */
void screen_overview(struct canvas *c, const struct area *a, const struct screen_model *m,
                     struct screen_view *v)
{
    unsigned rows = a->rows / 3, middle = a->column + (a->end - a->column) / 2;
    const struct area left = {a->row, 1, a->column, middle - 1};
    const struct area right = {a->row, 1, middle + 1, a->end};
    uint64_t all = all_octets(m);
    say(c, &left, INK_STRONG, "Protocols");
    say(c, &right, INK_STRONG, "Hosts");
    for (unsigned line = 1; line < rows && line <= m->protocol_count; line++) {
        add_protocol(c, area_pen(&left, line), &m->protocols[line - 1], all);
    }
    for (unsigned line = 1; line < rows && line <= m->host_count; line++) {
        char figure[FIGURE_TEXT];
        const struct screen_host *h = &m->hosts[line - 1];
        struct pen p = area_pen(&right, line);
        struct pen worst = {.row = p.row, .column = p.end > 8 ? p.end - 8 : 0, .end = p.end};
        add_worst(c, &worst, h);
        p.end = p.end > 9 ? p.end - 9 : 0;
        unsigned end = p.end;
        canvas_right(c, &p, INK_PLAIN, figure_octets(h->octets, figure));
        p.end = end > 9 ? end - 9 : 0;
        add_name(c, &p, h);
    }
    const struct area below = {a->row + rows + 1, a->rows - rows - 1, a->column, a->end};
    screen_findings(c, &below, v);
}
