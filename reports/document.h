/*
 * document.h - one audit's results in memory: the records of records_report.h as values. Every
 * format but the records themselves is rendered from it and from nothing else, so that a stored
 * audit renders as well as a fresh one.
 *
 * Records are read with jansson's functions, and the few below. Keys may be absent: a document may
 * come from another version.
 *
 * Owner:  document_free frees everything; records are borrowed.
 */
#ifndef ROLECALL_REPORTS_DOCUMENT_H
#define ROLECALL_REPORTS_DOCUMENT_H

#include <jansson.h>

#include "capture/bytes.h"
#include "reports/json.h"
#include "reports/output.h"

struct document_part { /* records of one type, in their order */
    json_t **at;
    size_t count;
};

struct finding_view;
/* Findings that are written when they are asked for: who takes them one after another needs no
 * thousands of them in memory. */
struct finding_source {
    void *user;
    size_t count;
    void (*write)(void *user, struct output *out, size_t place); /* one record */
    void (*brief)(void *user, size_t place, struct finding_view *ret);
};
struct finding_making;

struct document {
    json_t **lines; /* all records, but for findings that are made when they are asked for */
    size_t line_count;
    json_t **sorted;                 /* where the parts lie */
    json_t *rule_names;              /* name: record of the rule */
    json_t *audit, *model, *summary; /* NULL: none */
    struct document_part findings, verdicts, statements, coverage, rules, hosts, conversations,
        traffic, grades, history;
    struct finding_making *making; /* NULL: `findings` has them all; else only their count */
};

#define DOCUMENT_ERROR 200
/* From JSON Lines; records of unknown types are kept in `lines`. 0, -EINVAL with a line in `error`,
 * or -ENOMEM. */
int document_parse(struct bytes text, char error[DOCUMENT_ERROR], struct document **ret) MUST_USE;
/* From records that are written to `out` instead of text that is parsed: begin, write, finish. */
struct document_draft {
    struct output *out;
    struct tree *tree;
};
int document_begin(struct document_draft *d) MUST_USE; /* 0 or -ENOMEM */
/* Frees the draft; 0 or -ENOMEM, also when memory was used up while it was written. */
int document_finish(struct document_draft *d, struct document **ret) MUST_USE;
/* For a document without findings: they come from here, which must live as long as it does. 0 or
 * -ENOMEM. */
int document_make_findings(struct document *d, const struct finding_source *source) MUST_USE;
/* NULL: out of memory. One that was made lives until the next is asked for, or as long as who has
 * it counts as a holder (json_incref). */
const json_t *document_finding(const struct document *d, size_t place);
/* What finding_view_brief() tells, without a record; false: it is there. */
bool document_finding_brief(const struct document *d, size_t place, struct finding_view *ret);
struct document *document_free(struct document *d); /* NULL is fine; returns NULL */
/* JSON Lines again: what was parsed, octet by octet, when it was rolecall's own. Not of a document
 * whose findings are made when they are asked for. */
void document_write(struct output *out, const struct document *d);

/* A value as JSON, in the style of all records. */
void json_value(struct json *j, const char *key, const json_t *value);

/* Texts, numbers and truths of a record by key, or by keys along a path ("client.ip"). Texts: NULL
 * when there is none; numbers 0. */
const json_t *member_at(const json_t *record, const char *path);
const char *member_text(const json_t *record, const char *path);
uint64_t member_number(const json_t *record, const char *path);
bool member_truth(const json_t *record, const char *path);
/* The rule that a finding or verdict names; NULL: the document does not have it. */
const json_t *document_rule(const struct document *d, const json_t *record);

#endif
