/*
 * text_quality.c - what the capture lost, and what limits cost: without it, silence looks like
 * innocence.
 */
#include <stdio.h>

#include "reports/text_parts.h"

#define NUMBER_COLUMN 16

struct row {
    uint64_t count;
    const char *says; /* after the number */
};

static void add_row(struct report *r, const struct row *row)
{
    char figure[FIGURE_TEXT];
    if (row->count == 0) {
        return;
    }
    layout_begin(&r->l, 0, NUMBER_COLUMN + 2);
    layout_right(&r->l, INK_STRONG, NUMBER_COLUMN, figure_count(row->count, figure));
    layout_column(&r->l, NUMBER_COLUMN + 2);
    layout_text(&r->l, INK_PLAIN, row->says);
    layout_end(&r->l);
}

static uint64_t add_rows(struct report *r, const struct row *rows, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += rows[i].count;
        add_row(r, &rows[i]);
    }
    return sum;
}

/* Lost before the file was written, or by the file. */
static uint64_t add_capture_losses(struct report *r)
{
    const struct run *run = r->run;
    const struct row rows[] = {
        {run->interrupted, "interruption by the user: the report is of what was read until then"},
        {run->source.dropped, "packets dropped by the capturing machine, as it says itself"},
        {run->source.interface_losses,
         "times that an interface went away while it was captured from"},
        {run->source.truncated_files, "files that end inside a packet; judged up to there"},
        {run->source.snapped, "packets captured shorter than they were (snap length)"},
        {run->quality.gaps, "conversations with payload that was not captured"},
        {run->quality.missing_octets, "octets of payload not captured in them"},
        {run->quality.one_sided, "TCP conversations of which only one direction was captured"},
        {run->quality.midstream, "TCP conversations joined midway: who opened them is inferred"},
        {run->fragments_given_up, "IP datagrams with fragments missing"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

static uint64_t add_malformed(struct report *r)
{
    const struct run *run = r->run;
    const struct row rows[] = {
        {run->frames_malformed, "frames with malformed headers"},
        {run->frames_truncated, "frames that end inside their headers"},
        {run->frames_unknown_link, "frames of a link type that cannot be read"},
        {run->flows.bad_sequence, "TCP segments far outside any window"},
        {run->engine.bad_messages, "messages that could not be read"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

static uint64_t add_limits(struct report *r)
{
    const struct run *run = r->run;
    const struct audit_counts *a = audit_counts(r->audit);
    const struct row rows[] = {
        {run->flows.evicted, "conversations given up early: memory limit, see --memory"},
        {run->flows.evicted_half_open,
         "half-open conversations given up early: memory limit, see --memory"},
        {run->flows.reorder_shed, "octets out of order that were given up: reordering limit"},
        {run->engine.flow_memory, "conversations no longer read: limit of state per conversation"},
        {run->engine.messages_too_long, "messages passed over as too long"},
        {run->engine.drafts_shed, "records lost: too many at once in one conversation"},
        {run->engine.facts_cut, "details left out of records: limit of a record"},
        {run->engine.nested_too_deep, "messages nested too deep"},
        {a->subjects_shed, "judgements without a verdict of their own: limit of subjects"},
        {a->findings_shed, "breaches without a finding of their own: limit of findings"},
        {a->paths_shed, "required connections not followed: limit of paths"},
        {a->names_shed, "names of hosts not kept: limit of learned names"},
        {a->state_shed, "details that rules could not keep: memory limit of the audit"},
    };
    return add_rows(r, rows, sizeof rows / sizeof *rows);
}

/* Consistent verdicts that what is missing could have made others, and the codes of their rules. */
static void add_partial(struct report *r)
{
    char figure[FIGURE_TEXT];
    size_t count = 0;
    const struct verdict *const *verdicts = audit_verdicts(r->audit, &count);
    const struct rule *named = NULL;
    uint64_t partial = audit_counts(r->audit)->partial;
    if (partial == 0) {
        return;
    }
    layout_begin(&r->l, 2, 4);
    layout_format(&r->l, INK_PLAIN,
                  "Consistent only as far as the capture goes: %s verdict%s (R120 tells whose), of",
                  figure_count(partial, figure), partial == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) {
        if (verdicts[i]->partial && verdicts[i]->rule != named) {
            named = verdicts[i]->rule;
            layout_text(&r->l, INK_FAINT, named->code);
        }
    }
    layout_end(&r->l);
}

void text_quality(struct report *r)
{
    const struct row notes[] = {
        {r->run->flows.duplicates, "copies of packets, as mirror ports deliver them: counted once"},
        {r->run->frames_not_ip, "frames that are not IP"},
        {r->run->source.filtered, "packets held back by --filter"},
    };
    text_heading(r, "CAPTURE QUALITY");
    uint64_t lost = add_capture_losses(r);
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
