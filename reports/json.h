/*
 * json.h - JSON on an output, one object a line, or as values of a tree. The caller keeps the
 * nesting right; commas are put here.
 *
 * Spec: RFC 8259. Text must be valid UTF-8 (dissect/text.h sees to it); control characters and
 * others that cannot be seen (glyph.h) are escaped.
 */
#ifndef ROLECALL_REPORTS_JSON_H
#define ROLECALL_REPORTS_JSON_H

#include <stdbool.h>

#include "capture/bytes.h"
#include "reports/output.h"

struct tree;

struct json {
    struct output *out;
    struct tree *tree; /* values of it are made (tree.h), no text is written; NULL: text */
    bool comma;        /* something stands before the next member */
};

/* On what the output is: text, or a tree. A record begins with this and ends with json_line. */
struct json json_on(struct output *out);
void json_line(struct json *j);
void json_open(struct json *j, const char *key, char bracket); /* '{' or '['; key NULL: no key */
void json_close(struct json *j, char bracket);                 /* '}' or ']' */
void json_key(struct json *j, struct bytes key); /* escaped; of the value that comes next */
void json_text(struct json *j, const char *key, const char *text); /* NULL: nothing */
void json_span(struct json *j, const char *key, struct bytes text);
void json_number(struct json *j, const char *key, uint64_t number);
void json_truth(struct json *j, const char *key, bool yes);
void json_hex(struct json *j, const char *key, struct bytes octets);
void json_code(struct json *j, const char *key, uint64_t code, int digits); /* "0xc02f" */
/* An array of the non-empty parts of `text` between separators; NULL: an empty one. */
void json_parts(struct json *j, const char *key, const char *text, char separator);
void json_time(struct json *j, const char *key, int64_t ns, uint8_t precision); /* RFC 3339, UTC */

#define TIME_TEXT 40
/* Formats; returns `text`. Times outside years 0..9999 give "". */
const char *time_format(int64_t ns, uint8_t precision, char text[TIME_TEXT]);

#endif
