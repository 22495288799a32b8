/*
 * finding_view.h - a finding of a document with its values at hand, for the formats that tell
 * machines of findings.
 *
 * Owner: texts belong to the finding, so they live as document_finding says. Absent texts are "",
 * so that they can be written anywhere.
 */
#ifndef ROLECALL_REPORTS_FINDING_VIEW_H
#define ROLECALL_REPORTS_FINDING_VIEW_H

#include "capture/address.h"
#include "reports/document.h"
#include "reports/records.h"

struct end_view {
    bool known;
    char ip[ADDRESS_TEXT];
    const char *name, *learned_from; /* declared; or learned, from what */
    const char *group, *zone, *forest;
    uint64_t port; /* 0: none */
};

struct finding_view {
    const json_t *record; /* NULL: out of memory */
    const json_t *rule;   /* of the catalogue; NULL: not in the document */
    const char *id, *name, *code, *title, *severity, *confidence, *explanation, *remediation;
    const char *first, *last; /* RFC 3339 */
    const char *file;         /* of the first row of evidence, and its packet; 0: no row */
    uint64_t packet;
    unsigned rank; /* of its severity: 1 info to 5 critical; 0: another word */
    uint64_t count;
    bool accepted; /* and not expired */
    const char *reason;
    struct end_view client, server;
};

struct finding_view finding_view(const struct document *d, size_t place);
/* What a line tells of it: no record or rule, and of texts only id, name, code, file and
 * what its ends are called. */
struct finding_view finding_view_brief(const struct document *d, size_t place);
/* "mp01.corp.example", "10.1.0.5", "": what an end is called best. */
const char *end_label(const struct end_view *e);
/* A text that is left out when it is empty. */
void json_word(struct json *j, const char *key, const char *text);
/* Text with a backslash before each of the `special` characters; what cannot be seen is shown. At
 * most `most` octets, whole characters only. */
void escaped_text(struct output *out, const char *text, const char *special, size_t most);
/* A time of a record in ns since the epoch; 0 where it is none. */
int64_t time_of_text(const char *rfc3339);
/* A text of a record, "" when it is not there. */
const char *member_or_empty(const json_t *record, const char *path);

#endif
