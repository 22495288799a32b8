/*
 * output.h - where records go: a file, standard output, or memory, through one buffer; or a tree of
 * values.
 *
 * Errors: the first failed write sticks (negative errno from output_error); a regular file is then
 * cut back to its last whole line, so that what was written stays valid. Owner:  output_close
 * frees; standard output is flushed, not closed.
 */
#ifndef ROLECALL_REPORTS_OUTPUT_H
#define ROLECALL_REPORTS_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/attributes.h"

struct output;
struct tree;

/* "-" is standard output. 0 or a negative errno. */
int output_open(const char *path, struct output **ret) MUST_USE;
/* Into memory: nothing is written; output_memory shows it. NULL when there is none. */
struct output *output_to_memory(void) MUST_USE;
const char *output_memory(const struct output *o, size_t *ret_len);
/* For json.h alone: its values go to the tree, which is borrowed. NULL when there is no memory. */
struct output *output_to_tree(struct tree *t) MUST_USE;
struct tree *output_tree(const struct output *o); /* NULL: text */

/* Room for `len` more octets; always succeeds or, when memory is used up, fails the output for
 * good. */
char *output_reserve(struct output *o, size_t len);
void output_commit(struct output *o, size_t len); /* of what was reserved */
void output_text(struct output *o, const char *text);
void output_octets(struct output *o, const void *octets, size_t len);
void output_format(struct output *o, const char *format, ...) PRINTF_LIKE(2, 3);
/* Ends a record: after this everything so far is a whole number of lines. */
void output_line(struct output *o);
int output_flush(struct output *o);
/* There is nothing right to write: a file ends after its last whole line, and output_close gives
 * -ECANCELED. Up to then output_refusal says why; "": nobody refused. */
#define OUTPUT_REFUSAL 256
void output_refuse(struct output *o, const char *why);
const char *output_refusal(const struct output *o);
int output_error(const struct output *o);
/* Ends one in memory, or one whose errors have been told; NULL is fine. */
void output_drop(struct output *o);
/* 0 or a negative errno of any write; NULL is fine. */
int output_close(struct output *o) MUST_USE;

#endif
