/*
 * text_quality.c - what the capture lost, and what limits cost: without it, silence looks like
 * innocence.
 */
#include <stdio.h>
#include <string.h>

#include "reports/text_parts.h"

#define NUMBER_COLUMN 16

struct row {
    const char *path; /* of the count in the summary */
    const char *says; /* after the number */
};

/* A truth counts as one. */
static uint64_t count_of(const struct report *r, const struct row *row)
{
    return member_number(r->d->summary, row->path) + member_truth(r->d->summary, row->path);
}

static void add_row(struct report *r, const struct row *row)
{
    char figure[FIGURE_TEXT];
    uint64_t count = count_of(r, row);
    if (count == 0) {
        return;
    }
    layout_begin(&r->l, 0, NUMBER_COLUMN + 2);
    layout_right(&r->l, INK_STRONG, NUMBER_COLUMN, figure_count(count, figure));
    layout_column(&r->l, NUMBER_COLUMN + 2);
    layout_text(&r->l, INK_PLAIN, row->says);
    layout_end(&r->l);
}

static uint64_t add_rows(struct report *r, const struct row *rows, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += count_of(r, &rows[i]);
        add_row(r, &rows[i]);
    }
    return sum;
}

/* Lost before the file was written, or by the file. */
static uint64_t add_capture_losses(struct report *r)
{
    const struct row rows[] = {
        {"input.interrupted",
         "interruption by the user: the report is of what was read until then"},
        {"dropped.capture", "packets dropped by the capturing machine, as it says itself"},
        {"dropped.content", "packets of long transfers whose payload was not read: they came too "
                            "fast, see --workers"},
        {"dropped.newcomer_flows",
         "new conversations between hosts that are not declared, not read for the same reason"},
        {"dropped.interfaces", "times that an interface went away while it was captured from"},
        {"dropped.restarts",
         "times that the audit had to begin anew: what it had found before is in findings.jsonl"},
        {"truncated.files", "files that end inside a packet; judged up to there"},
        {"truncated.packets", "packets captured shorter than they were (snap length)"},
        {"partial.gaps", "conversations with payload that was not captured"},
        {"partial.missing_octets", "octets of payload not captured in them"},
        {"partial.one_sided", "TCP conversations of which only one direction was captured"},
        {"partial.midstream", "TCP conversations joined midway: who opened them is inferred"},
        {"dropped.fragments", "IP datagrams with fragments missing"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

/* When nobody looked. */
static void add_gaps(struct report *r)
{
    const json_t *gaps = member_at(r->d->summary, "unseen");
    for (size_t i = 0; i < json_array_size(gaps); i++) {
        const json_t *gap = json_array_get(gaps, i);
        layout_begin(&r->l, 2, 4);
        layout_format(&r->l, INK_STRONG,
                      "Nothing was seen from %s to %s: the process that audits %s.",
                      member_or_empty(gap, "from"), member_or_empty(gap, "until"),
                      member_or_empty(gap, "because"));
        layout_end(&r->l);
    }
}

static uint64_t add_malformed(struct report *r)
{
    const struct row rows[] = {
        {"malformed.frames", "frames with malformed headers"},
        {"malformed.cut_headers", "frames that end inside their headers"},
        {"not_ip.unknown_link", "frames of a link type that cannot be read"},
        {"malformed.sequence", "TCP segments far outside any window"},
        {"malformed.messages", "messages that could not be read"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

static uint64_t add_limits(struct report *r)
{
    const struct row rows[] = {
        {"dropped.flows", "conversations given up early: memory limit, see --memory"},
        {"dropped.flows_half_open",
         "half-open conversations given up early: memory limit, see --memory"},
        {"dropped.reorder_octets", "octets out of order that were given up: reordering limit"},
        {"dropped.flow_state", "conversations no longer read: limit of state per conversation"},
        {"dropped.messages_too_long", "messages passed over as too long"},
        {"dropped.records", "records lost: too many at once in one conversation"},
        {"dropped.facts", "details left out of records: limit of a record"},
        {"dropped.nesting", "messages nested too deep"},
        {"dropped.evidence",
         "packets of evidence gone before a finding cited them, see --keep-packets"},
        {"dropped.subjects", "judgements without a verdict of their own: limit of subjects"},
        {"dropped.findings", "breaches without a finding of their own: limit of findings"},
        {"dropped.paths", "required connections not followed: limit of paths"},
        {"dropped.names", "names of hosts not kept: limit of learned names"},
        {"dropped.rule_state", "details that rules could not keep: memory limit of the audit"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

/* ---- when it was lost ---- */

#define INTERVALS_SHOWN 8

static uint64_t lost_in(const json_t *interval)
{
    return member_number(interval, "ring") + member_number(interval, "card");
}

static uint64_t weight_of(const json_t *interval)
{
    return lost_in(interval) + member_number(interval, "conversations") +
           member_number(interval, "interfaces") + member_number(interval, "content") +
           member_number(interval, "newcomers");
}

/* The worst of the list, worst first; equal ones in the order of time. */
static size_t worst_of(const json_t *list, const json_t *ret[INTERVALS_SHOWN])
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *interval = json_array_get(list, i);
        size_t at = count;
        while (at > 0 && weight_of(ret[at - 1]) < weight_of(interval)) {
            if (at < INTERVALS_SHOWN) {
                ret[at] = ret[at - 1];
            }
            at--;
        }
        if (at < INTERVALS_SHOWN) {
            ret[at] = interval;
            count += count < INTERVALS_SHOWN;
        }
    }
    return count;
}

static const char *figure_second(const json_t *interval, const char *end, const char *day,
                                 char text[FIGURE_TEXT])
{
    (void)figure_time(member_or_empty(interval, end), day, text);
    text[strcspn(text, ".")] = '\0';
    return text;
}

static void add_interval(struct report *r, const json_t *interval)
{
    static const struct row parts[] = {
        {"ring", "packets dropped, the kernel's ring was full"},
        {"card", "packets dropped by the interface"},
        {"interfaces", "times an interface away or down"},
        {"conversations", "conversations given up, memory limit"},
        {"content", "packets of long transfers without their payload"},
        {"newcomers", "packets of new conversations of hosts not declared"},
    };
    char from[FIGURE_TEXT], to[FIGURE_TEXT], figure[FIGURE_TEXT], read[FIGURE_TEXT];
    layout_begin(&r->l, NUMBER_COLUMN + 2, NUMBER_COLUMN + 4);
    layout_format(&r->l, INK_STRONG, "%s to %s", figure_second(interval, "from", r->day, from),
                  figure_second(interval, "to", r->day, to));
    layout_format(&r->l, INK_PLAIN, "%s packets read",
                  figure_count(member_number(interval, "packets"), read));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t count = member_number(interval, parts[i].path);
        if (count > 0) {
            layout_format(&r->l, INK_PLAIN, "+ %s %s", figure_count(count, figure), parts[i].says);
        }
    }
    layout_end(&r->l);
}

static void add_loss_times(struct report *r)
{
    const json_t *worst[INTERVALS_SHOWN] = {NULL};
    const json_t *list = member_at(r->d->summary, "losses");
    size_t all = json_array_size(list), count = worst_of(list, worst);
    if (all == 0) {
        return;
    }
    layout_begin(&r->l, NUMBER_COLUMN + 2, NUMBER_COLUMN + 2);
    layout_format(&r->l, INK_PLAIN, "Lost within %zu interval%s of time%s:", all,
                  all == 1 ? "" : "s", all > 1 ? ", worst first" : "");
    layout_end(&r->l);
    for (size_t i = 0; i < count; i++) {
        add_interval(r, worst[i]);
    }
    if (all > count) {
        layout_begin(&r->l, NUMBER_COLUMN + 2, NUMBER_COLUMN + 2);
        layout_format(&r->l, INK_FAINT, "and %zu more, in records.jsonl", all - count);
        layout_end(&r->l);
    }
}

/* Consistent verdicts that what is missing could have made others, and the codes of their rules. */
static void add_partial(struct report *r)
{
    char figure[FIGURE_TEXT];
    const struct document_part *verdicts = &r->d->verdicts;
    uint64_t partial = member_number(r->d->summary, "verdicts_partial");
    const char *named = "";
    if (partial == 0) {
        return;
    }
    layout_begin(&r->l, 2, 4);
    layout_format(&r->l, INK_PLAIN,
                  "Consistent only as far as the capture goes: %s verdict%s (R120 tells whose), of",
                  figure_count(partial, figure), partial == 1 ? "" : "s");
    for (size_t i = 0; i < verdicts->count; i++) {
        const json_t *v = verdicts->at[i];
        if (member_truth(v, "partial") && strcmp(member_or_empty(v, "rule"), named) != 0) {
            named = member_or_empty(v, "rule");
            layout_text(&r->l, INK_FAINT, member_or_empty(v, "code"));
        }
    }
    layout_end(&r->l);
}

void text_quality(struct report *r)
{
    const struct row notes[] = {
        {"duplicates", "copies of packets, as mirror ports deliver them: counted once"},
        {"not_ip.frames", "frames that are not IP"},
        {"input.clock_steps",
         "times that this machine's clock was put forward or back while it captured: times in this "
         "report leap"},
        {"input.filtered", "packets held back by --filter"},
    };
    text_heading(r, "CAPTURE QUALITY");
    uint64_t lost = add_capture_losses(r);
    add_loss_times(r);
    add_gaps(r);
    lost += add_malformed(r);
    lost += add_limits(r);
    layout_begin(&r->l, 2, 2);
    layout_text(&r->l, lost > 0 ? INK_PLAIN : INK_GOOD,
                lost > 0 ? "Where traffic is missing, a breach may be missing too; no verdict is "
                           "drawn from silence."
                         : "Everything in the capture was read: no drops, no cut packets, no gaps, "
                           "nothing malformed, no "
                           "limit reached.");
    layout_end(&r->l);
    add_partial(r);
    (void)add_rows(r, notes, sizeof notes / sizeof *notes);
}
