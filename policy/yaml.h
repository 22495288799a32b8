/*
 * yaml.h - a YAML file as a tree in which every node knows its line and column.
 *
 * Aliases share nodes: the tree is a graph without cycles, and its size when every alias is written
 * out (`weight`) is bounded before anyone walks it, so a plain recursive walk is safe.
 *
 * Units:  lines and columns from 1, columns in characters.
 * Owner:  the arena; the text is copied out of the file.
 * Errors: faults are noted with what was expected; libyaml stops at the first fault of syntax.
 */
#ifndef ROLECALL_POLICY_YAML_H
#define ROLECALL_POLICY_YAML_H

#include "capture/arena.h"
#include "capture/bytes.h"
#include "policy/policy_fault.h"

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool quoted; /* text in quotes is never null, true or off */
    struct place place;
    struct place end;               /* just past it; of a list or mapping in block form: its last
                                       child's */
    const char *text;               /* YAML_TEXT: without embedded NUL */
    const struct yaml_node **keys;  /* YAML_MAP: all YAML_TEXT */
    const struct yaml_node **items; /* of a list, or the values of a map */
    unsigned count;
    unsigned height; /* levels below */
    size_t weight;   /* nodes, with every alias written out */
};

/* One document, or -EINVAL after noting why, or -ENOMEM. An empty document is a fault. */
int yaml_read(struct bytes file, struct arena *arena, struct faults *faults,
              const struct yaml_node **ret) MUST_USE;

bool yaml_is_null(const struct yaml_node *node); /* nothing, ~ or null, unquoted */
const char *
yaml_kind_name(const struct yaml_node *node); /* "text", "a list", "a mapping", "nothing" */
/* The value of a map's key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
