/*
 * formats.h - the formats of a report, by name: one function each, from a document to an output.
 */
#ifndef ROLECALL_REPORTS_FORMATS_H
#define ROLECALL_REPORTS_FORMATS_H

#include "reports/document.h"
#include "reports/text.h"

struct render_options {
    struct text_style style; /* of the text format */
};

/* What cannot be rendered is refused: see output_refuse. */
typedef void render_function(struct output *out, const struct document *d,
                             const struct render_options *o);

struct format {
    const char *name, *file, *about;
    render_function *render;
};

#define FORMAT(name, file, function, about) render_function function;
#include "reports/formats.def"
#undef FORMAT

extern const struct format formats[];
extern const unsigned format_count;
const struct format *format_find(const char *name); /* NULL: no such format */
/* In a list only: the captures of evidence.h, which are made of packets and not of a document. */
#define FORMAT_EVIDENCE "evidence"
/* What the format needs and is not there, as a line with the way to get it; NULL: nothing. */
const char *format_lacks(const struct format *f);
/* True when the comma-separated list names the format, or its family: "csv" all of "csv-...". */
bool format_listed(const char *list, const char *name);
/* The first word of the list that names no format, in `word`; false: there is none. */
#define FORMAT_WORD 40
bool format_unknown(const char *list, char word[FORMAT_WORD]);

#endif
