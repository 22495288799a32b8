/*
 * tree.h - records as values of jansson, made by the same calls of json.h that write text.
 *
 * What stands in a document need not be written as text first and read again: that was a quarter of
 * a whole audit with thousands of findings.
 *
 * Owner:  tree_free frees it, and what was not taken.
 */
#ifndef ROLECALL_REPORTS_TREE_H
#define ROLECALL_REPORTS_TREE_H

#include <jansson.h>

#include "capture/attributes.h"
#include "capture/bytes.h"

struct tree;

struct tree *tree_new(void) MUST_USE;   /* NULL: out of memory */
struct tree *tree_free(struct tree *t); /* NULL is fine; returns NULL */

/* As in json.h. A key of bytes counts for the value that comes next. */
void tree_open(struct tree *t, const char *key, char bracket);
void tree_close(struct tree *t);
void tree_key(struct tree *t, struct bytes key);
/* Valid UTF-8, or nothing is added and false told. */
bool tree_text(struct tree *t, const char *key, struct bytes text);
void tree_add(struct tree *t, const char *key, json_t *value); /* takes it; NULL: out of memory */

/* The records in their order; the caller frees them and the array. NULL and 0 when there are none;
 * false when memory was used up on the way: then nothing is taken. */
bool tree_take(struct tree *t, json_t ***ret_records, size_t *ret_count) MUST_USE;
/* The only record, which is the caller's; the tree goes on. NULL: memory was used up. */
json_t *tree_take_one(struct tree *t) MUST_USE;

#endif
