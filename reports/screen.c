#include "reports/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/screen_parts.h"

#define LABEL 10       /* columns of "Findings  " */
#define TALL 14        /* rows from which on each figure has its own line */
#define WIDE 60        /* columns from which on the first page has charts */
#define TALL_ENOUGH 13 /* rows of a page likewise */
#define SPARKLINE_MOST 120u

/* ---- figures ---- */

struct pen area_pen(const struct area *a, unsigned line)
{
    return (struct pen){.row = a->row + line, .column = a->column, .end = a->end};
}

const char *figure_bits(double bits, char text[FIGURE_TEXT])
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    unsigned unit = 0;
    while (bits >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        bits /= 1000;
        unit++;
    }
    (void)snprintf(text, FIGURE_TEXT, bits < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bits,
                   units[unit]);
    return text;
}

static uint64_t losses_in_all(const struct screen_losses *l)
{
    return l->dropped + l->planned + l->interfaces + l->restarts + l->given_up + l->gaps +
           l->unread + l->shed;
}

/* ---- the list of findings ---- */

void screen_init(struct screen_view *v)
{
    *v = (struct screen_view){.least = SEVERITY_INFO};
}

void screen_done(struct screen_view *v)
{
    free(v->shown);
    screen_init(v);
}

void screen_forget(struct screen_view *v)
{
    v->shown_count = 0;
    v->chosen = NULL;
    v->one_host = v->paused = false;
    v->host = NULL;
    v->over = v->over == OVER_HELP ? OVER_HELP : OVER_NOTHING;
    memset(v->first, 0, sizeof v->first);
    memset(v->selected, 0, sizeof v->selected);
}

static bool is_end(const struct screen_view *v, const struct party *p)
{
    return p->known &&
           (v->host != NULL ? p->host == v->host
                            : p->host == NULL && address_equal(&p->address, &v->address));
}

static bool is_shown(const struct screen_view *v, const struct finding *f)
{
    return f->severity >= v->least &&
           (!v->one_host || is_end(v, &f->client) || is_end(v, &f->server));
}

static bool make_room(struct screen_view *v, size_t count)
{
    if (count > v->shown_room) {
        const struct screen_row **grown = realloc(v->shown, 2 * count * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        v->shown = grown;
        v->shown_room = 2 * count;
    }
    return true;
}

/* Of one rank, or of all (SEVERITY_OFF); the newest first. */
static void add_rank(struct screen_view *v, const struct screen_model *m, enum severity rank,
                     bool accepted)
{
    for (size_t i = m->row_count; i-- > 0;) {
        const struct screen_row *row = &m->rows[i];
        bool wanted =
            rank == SEVERITY_OFF || (row->accepted == accepted && row->finding->severity == rank);
        if (wanted && is_shown(v, row->finding)) {
            v->shown[v->shown_count++] = row;
        }
    }
}

/* Where the finding that is chosen stands now; the first one stays the first, whichever it is. */
static void find_chosen(struct screen_view *v)
{
    size_t at = 0;
    while (v->chosen != NULL && at < v->shown_count && v->shown[at]->finding != v->chosen) {
        at++;
    }
    if (at == v->shown_count) {
        v->chosen = NULL;
        at = 0;
    }
    v->selected[PAGE_OVERVIEW] = v->selected[PAGE_FINDINGS] = at;
}

void screen_arrange(struct screen_view *v, const struct screen_model *m)
{
    v->shown_count = 0;
    memset(v->counts, 0, sizeof v->counts);
    v->accepted = 0;
    for (size_t i = 0; i < m->row_count; i++) {
        const struct screen_row *row = &m->rows[i];
        v->accepted += row->accepted;
        v->counts[row->finding->severity] += !row->accepted;
    }
    if (!make_room(v, m->row_count)) {
        return;
    }
    if (!v->worst_first) {
        add_rank(v, m, SEVERITY_OFF, false);
    }
    for (unsigned accepted = 0; accepted < 2 && v->worst_first; accepted++) {
        for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
            add_rank(v, m, (enum severity)s, accepted != 0);
        }
    }
    find_chosen(v);
}

const struct finding *screen_selected(const struct screen_view *v)
{
    size_t at = v->selected[PAGE_FINDINGS];
    return at < v->shown_count ? v->shown[at]->finding : NULL;
}

/* ---- keys ---- */

static size_t list_count(const struct screen_view *v, const struct screen_model *m)
{
    return v->page == PAGE_HOSTS       ? m->host_count
           : v->page == PAGE_PROTOCOLS ? m->protocol_count
                                       : v->shown_count;
}

static bool is_text(const struct screen_view *v)
{
    return v->over != OVER_NOTHING || v->page == PAGE_LOSSES;
}

/* A move by lines; false: not such a key. */
static bool move_of(const struct screen_view *v, int key, long *ret)
{
    long page = v->room > 1 ? (long)v->room - 1 : 1;
    switch (key) {
    case KEYS_UP:
    case 'k':
        *ret = -1;
        return true;
    case KEYS_DOWN:
    case 'j':
        *ret = 1;
        return true;
    case KEYS_PAGE_UP:
        *ret = -page;
        return true;
    case KEYS_PAGE_DOWN:
        *ret = page;
        return true;
    case KEYS_HOME:
    case 'g':
        *ret = -INT32_MAX;
        return true;
    case KEYS_END:
    case 'G':
        *ret = INT32_MAX;
        return true;
    default:
        return false;
    }
}

static size_t moved(size_t at, long by, size_t count)
{
    if (by < 0) {
        return (size_t)-by > at ? 0 : at - (size_t)-by;
    }
    return count == 0 ? 0 : (size_t)by < count - at ? at + (size_t)by : count - 1;
}

static void choose(struct screen_view *v, size_t at)
{
    v->selected[PAGE_OVERVIEW] = v->selected[PAGE_FINDINGS] = at;
    /* Who stands at the top sees what comes. */
    v->chosen = at == 0 || at >= v->shown_count ? NULL : v->shown[at]->finding;
}

static void move(struct screen_view *v, const struct screen_model *m, long by)
{
    if (is_text(v)) {
        v->text_first = moved(v->text_first, by, v->lines);
    } else if (v->page == PAGE_HOSTS || v->page == PAGE_PROTOCOLS) {
        v->selected[v->page] = moved(v->selected[v->page], by, list_count(v, m));
    } else {
        choose(v, moved(v->selected[PAGE_FINDINGS], by, v->shown_count));
    }
}

static void open_over(struct screen_view *v, enum screen_over over)
{
    bool of_finding = over == OVER_FINDING || over == OVER_RULE;
    if (of_finding && screen_selected(v) == NULL) {
        return;
    }
    if (of_finding) { /* it stays this one, whatever comes */
        v->chosen = screen_selected(v);
    }
    v->over = over;
    v->text_first = 0;
}

static void go_to(struct screen_view *v, enum screen_page page)
{
    v->page = page;
    v->over = OVER_NOTHING;
    v->text_first = 0;
}

static enum screen_answer rearranged(struct screen_view *v, const struct screen_model *m)
{
    screen_arrange(v, m);
    return ANSWER_CHANGED;
}

/* Enter: the finding, or the findings of a host. */
static enum screen_answer enter(struct screen_view *v, const struct screen_model *m)
{
    size_t at = v->selected[PAGE_HOSTS];
    if (v->page == PAGE_HOSTS && at < m->host_count) {
        v->one_host = true;
        v->host = m->hosts[at].declared;
        v->address = m->hosts[at].address;
        v->chosen = NULL;
        go_to(v, PAGE_FINDINGS);
        return rearranged(v, m);
    }
    if (v->page == PAGE_OVERVIEW || v->page == PAGE_FINDINGS) {
        open_over(v, OVER_FINDING);
    }
    return ANSWER_CHANGED;
}

static enum screen_answer back(struct screen_view *v, const struct screen_model *m)
{
    if (v->over == OVER_NOTHING && v->one_host) {
        v->one_host = false;
        return rearranged(v, m);
    }
    v->over = OVER_NOTHING;
    v->text_first = 0;
    return ANSWER_CHANGED;
}

/* Over a page. */
static enum screen_answer text_key(struct screen_view *v, const struct screen_model *m, int key)
{
    size_t at = v->selected[PAGE_FINDINGS];
    bool of_finding = v->over == OVER_FINDING || v->over == OVER_RULE;
    switch (key) {
    case 'n':
    case 'p':
        if (of_finding && (key == 'n' ? at + 1 < v->shown_count : at > 0)) {
            choose(v, key == 'n' ? at + 1 : at - 1);
            open_over(v, v->over);
        }
        return ANSWER_CHANGED;
    case 'e':
        open_over(v, v->over == OVER_RULE ? OVER_FINDING : OVER_RULE);
        return ANSWER_CHANGED;
    case KEYS_ENTER:
        open_over(v, OVER_FINDING);
        return ANSWER_CHANGED;
    case 'q':
    case KEYS_LEFT:
        return back(v, m);
    default:
        return ANSWER_NOTHING;
    }
}

static enum screen_answer page_key(struct screen_view *v, const struct screen_model *m, int key)
{
    switch (key) {
    case KEYS_TAB:
    case KEYS_RIGHT:
        go_to(v, (enum screen_page)((v->page + 1) % PAGE_COUNT));
        return ANSWER_CHANGED;
    case KEYS_BACK_TAB:
    case KEYS_LEFT:
        go_to(v, (enum screen_page)((v->page + PAGE_COUNT - 1) % PAGE_COUNT));
        return ANSWER_CHANGED;
    case KEYS_ENTER:
        return enter(v, m);
    case 'e':
        if (v->page == PAGE_OVERVIEW || v->page == PAGE_FINDINGS) {
            open_over(v, OVER_RULE);
        }
        return ANSWER_CHANGED;
    case 'f':
        v->least = v->least == SEVERITY_CRITICAL ? SEVERITY_INFO : (enum severity)(v->least + 1);
        return rearranged(v, m);
    case 'F':
        v->least = v->least == SEVERITY_INFO ? SEVERITY_CRITICAL : (enum severity)(v->least - 1);
        return rearranged(v, m);
    case 's':
        v->worst_first = !v->worst_first;
        return rearranged(v, m);
    case 'q':
        return ANSWER_END;
    default:
        return ANSWER_NOTHING;
    }
}

enum screen_answer screen_key(struct screen_view *v, const struct screen_model *m, int key)
{
    long by = 0;
    if (move_of(v, key, &by)) {
        move(v, m, by);
        return ANSWER_CHANGED;
    }
    if (key >= '1' && key < '1' + PAGE_COUNT) {
        go_to(v, (enum screen_page)(key - '1'));
        return ANSWER_CHANGED;
    }
    switch (key) {
    case KEYS_ESCAPE:
    case KEYS_BACKSPACE:
        return back(v, m);
    case '?':
    case 'h':
        open_over(v, v->over == OVER_HELP ? OVER_NOTHING : OVER_HELP);
        return ANSWER_CHANGED;
    case ' ':
        v->paused = !v->paused;
        return ANSWER_CHANGED;
    case 'w':
        return ANSWER_REPORT;
    case 'L' & 0x1f:
        return ANSWER_REDRAW;
    default:
        return v->over != OVER_NOTHING ? text_key(v, m, key) : page_key(v, m, key);
    }
}

/* ---- the head ---- */

static void add_title(struct canvas *c, const struct screen_model *m, const struct screen_view *v)
{
    char figure[FIGURE_TEXT], right[2 * FIGURE_TEXT];
    struct pen p = {.row = 0, .column = 0, .end = c->columns};
    if (m->share >= 0 && m->share <= 1) {
        /* Never 100 % while there is work left. */
        unsigned share = m->share >= 0.99 ? 99 : (unsigned)(m->share * 100);
        (void)snprintf(right, sizeof right, "%s%u %% read, %s ", v->paused ? "HELD  " : "", share,
                       figure_seconds(m->seconds, figure));
    } else {
        (void)snprintf(right, sizeof right, "%s%s ", v->paused ? "HELD  " : "",
                       figure_seconds(m->seconds, figure));
    }
    canvas_right(c, &p, INK_STRONG, right);
    canvas_text(c, &p, INK_STRONG, " rolecall ");
    canvas_format(c, &p, INK_PLAIN, "%s  %s", m->input, m->policy);
    canvas_reverse(c, 0);
}

/* The last seconds, packets a second, the highest of them eight eighths high. */
static void add_history(struct canvas *c, struct pen *p, const struct screen_model *m)
{
    unsigned room = p->end > p->column ? p->end - p->column : 0;
    unsigned count = m->history_count < room ? m->history_count : room;
    count = count < SPARKLINE_MOST ? count : SPARKLINE_MOST;
    const float *from = m->history + (m->history_count - count);
    float most = 0;
    for (unsigned i = 0; i < count; i++) {
        most = from[i] > most ? from[i] : most;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned level = most <= 0 ? 0 : (unsigned)(from[i] / most * 7.99f);
        canvas_text(c, p, INK_LOW, from[i] <= 0 ? " " : canvas_level(c, level));
    }
}

static void add_rates(struct canvas *c, struct pen *p, const struct screen_model *m)
{
    char count[FIGURE_TEXT], bits[FIGURE_TEXT];
    canvas_format(c, p, INK_STRONG, "%s packets/s  %s  ",
                  figure_count((uint64_t)m->packet_rate, count), figure_bits(m->bit_rate, bits));
    add_history(c, p, m);
}

static void add_totals(struct canvas *c, struct pen *p, const struct screen_model *m)
{
    char a[FIGURE_TEXT], b[FIGURE_TEXT], d[FIGURE_TEXT];
    double full =
        m->flow_memory_most == 0 ? 0 : (double)m->flow_memory / (double)m->flow_memory_most;
    canvas_format(c, p, INK_PLAIN, "%s packets  %s  %s conversations", figure_count(m->packets, a),
                  figure_octets(m->octets, b), figure_count(m->flows, d));
    canvas_format(c, p, INK_PLAIN, "  memory %s", figure_octets(m->memory, a));
    canvas_format(c, p, INK_FAINT, "  flow table %.0f%%", full * 100);
}

static void add_losses(struct canvas *c, struct pen *p, const struct screen_losses *l)
{
    const struct {
        uint64_t count;
        const char *what;
    } kinds[] = {{l->dropped, "packets dropped"},         {l->planned, "packets shed"},
                 {l->interfaces, "times no interface"},   {l->restarts, "times begun anew"},
                 {l->given_up, "conversations given up"}, {l->shed, "judgements cut"},
                 {l->gaps, "conversations with gaps"},    {l->unread, "unreadable"}};
    char figure[FIGURE_TEXT];
    const char *before = "";
    if (losses_in_all(l) == 0) {
        canvas_text(c, p, INK_GOOD, "none");
    }
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].count > 0) {
            /* What only part of the traffic lacks is said less loud. */
            canvas_format(c, p, i < 6 ? INK_HIGH : INK_MEDIUM, "%s%s %s", before,
                          figure_count(kinds[i].count, figure), kinds[i].what);
            before = ", ";
        }
    }
}

static void add_tally(struct canvas *c, struct pen *p, const struct screen_view *v, bool brief)
{
    char figure[FIGURE_TEXT];
    uint64_t all = v->accepted;
    for (unsigned s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
        const char *name = severity_name((enum severity)s);
        if (v->counts[s] > 0) {
            enum ink ink = layout_severity_ink((enum severity)s);
            (void)figure_count(v->counts[s], figure);
            if (brief) {
                canvas_format(c, p, ink, "%s%c", figure, *name - 'a' + 'A');
            } else {
                canvas_format(c, p, ink, "%s %s", figure, name);
            }
            canvas_text(c, p, INK_PLAIN, brief ? " " : "  ");
        }
        all += v->counts[s];
    }
    if (all == 0) {
        canvas_text(c, p, INK_PLAIN, brief ? "no findings" : "none so far");
    } else if (v->accepted > 0) {
        canvas_format(c, p, INK_FAINT, "%s accepted", figure_count(v->accepted, figure));
    }
}

static struct pen labelled(struct canvas *c, unsigned row, const char *label)
{
    struct pen p = {.row = row, .column = 0, .end = LABEL < c->columns ? LABEL : c->columns};
    canvas_text(c, &p, INK_FAINT, label);
    return (struct pen){.row = row, .column = LABEL, .end = c->columns};
}

/* Rows used. */
static unsigned add_head(struct canvas *c, const struct screen_model *m,
                         const struct screen_view *v)
{
    add_title(c, m, v);
    if (c->rows >= TALL) {
        struct pen p = labelled(c, 1, "Rate");
        add_rates(c, &p, m);
        p = labelled(c, 2, "So far");
        add_totals(c, &p, m);
        p = labelled(c, 3, "Losses");
        add_losses(c, &p, &m->losses);
        p = labelled(c, 4, "Findings");
        add_tally(c, &p, v, false);
        return 5;
    }
    struct pen p = {.row = 1, .column = 0, .end = c->columns};
    char count[FIGURE_TEXT], bits[FIGURE_TEXT];
    canvas_format(c, &p, INK_STRONG, "%s/s %s ", figure_count((uint64_t)m->packet_rate, count),
                  figure_bits(m->bit_rate, bits));
    if (losses_in_all(&m->losses) > 0) {
        canvas_format(c, &p, INK_HIGH, "LOSSES %s ",
                      figure_count(losses_in_all(&m->losses), count));
    }
    add_tally(c, &p, v, true);
    return 2;
}

static void add_tabs(struct canvas *c, unsigned row, const struct screen_view *v)
{
    static const char *const names[PAGE_COUNT] = {"Overview", "Findings", "Hosts", "Protocols",
                                                  "Losses"};
    struct pen p = {.row = row, .column = 0, .end = c->columns};
    bool narrow = c->columns < 60;
    for (unsigned i = 0; i < PAGE_COUNT; i++) {
        bool here = i == (unsigned)v->page;
        canvas_format(c, &p, here ? INK_STRONG : INK_FAINT, here ? "[%u %.*s]" : " %u %.*s ", i + 1,
                      narrow ? 4 : 10, names[i]);
    }
}

/* ---- the whole ---- */

static void add_hints(struct canvas *c, const struct screen_model *m, const struct screen_view *v)
{
    struct pen p = {.row = c->rows - 1, .column = 0, .end = c->columns};
    if (m->message != NULL) {
        canvas_text(c, &p, INK_STRONG, m->message);
    } else if (v->over == OVER_HELP) {
        canvas_text(c, &p, INK_FAINT, "q back");
    } else if (v->over != OVER_NOTHING) {
        canvas_format(c, &p, INK_FAINT, "q back  arrows scroll  e %s  n next  p previous",
                      v->over == OVER_RULE ? "evidence" : "rule");
    } else {
        canvas_text(c, &p, INK_FAINT, "q end  ? help  ");
        if (v->page == PAGE_HOSTS) {
            canvas_text(c, &p, INK_FAINT, "Enter its findings  ");
        } else if (v->page <= PAGE_FINDINGS) {
            canvas_text(c, &p, INK_FAINT, "Enter evidence  e rule  f filter  s sort  ");
        }
        canvas_text(c, &p, INK_FAINT, "Space hold  w report");
    }
}

static void add_page(struct canvas *c, const struct area *a, const struct screen_model *m,
                     struct screen_view *v)
{
    bool charts = a->rows >= TALL_ENOUGH && c->columns >= WIDE;
    if (is_text(v)) {
        screen_text(c, a, m, v);
    } else if (v->page == PAGE_HOSTS) {
        screen_hosts(c, a, m, v);
    } else if (v->page == PAGE_PROTOCOLS) {
        screen_protocols(c, a, m, v);
    } else if (v->page == PAGE_OVERVIEW && charts) {
        screen_overview(c, a, m, v);
    } else {
        screen_findings(c, a, v);
    }
}

void screen_compose(struct canvas *c, const struct screen_model *m, struct screen_view *v)
{
    if (c->rows == 0 || c->columns == 0) {
        return;
    }
    unsigned used = 1;
    if (v->over != OVER_NOTHING || c->rows < 5) {
        add_title(c, m, v);
    } else {
        used = add_head(c, m, v);
    }
    if (v->over == OVER_NOTHING && c->rows >= used + 4) {
        add_tabs(c, used, v);
        used++;
    }
    if (c->rows > used + 1) {
        const struct area a = {.row = used, .rows = c->rows - used - 1, .end = c->columns};
        add_page(c, &a, m, v);
    }
    if (c->rows > 2) {
        add_hints(c, m, v);
    }
}
