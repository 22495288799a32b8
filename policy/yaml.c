#include "policy/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

struct cell { /* one child of a container that is still open */
    struct cell *next;
    const struct yaml_node *key, *item;
};

struct open {
    struct yaml_node *node;
    const char *anchor;
    struct cell *first, *last;
    const struct yaml_node *key; /* of a map: waits for its value */
    bool flow;                   /* in brackets: its end is a character of its own */
};

struct anchor {
    const char *name;
    const struct yaml_node *node;
};

struct builder {
    yaml_parser_t parser;
    struct bytes file;
    struct arena *arena;
    struct faults *faults;
    struct open open[LIMIT_POLICY_DEPTH];
    struct anchor anchors[LIMIT_POLICY_ANCHORS];
    unsigned depth, anchor_count;
    size_t weight; /* of all that was read so far */
    const struct yaml_node *root;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

static int refuse(struct builder *b, struct place at, const char *what)
{
    fault_note(b->faults, at, "%s", what);
    return -EINVAL;
}

/* ---- faults of syntax ---- */

/* The place of an octet: libyaml's reader gives only an offset. */
static struct place place_at(struct bytes file, size_t offset)
{
    struct place at = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < file.len; i++) {
        if (file.at[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if ((file.at[i] & 0xc0) != 0x80) { /* not the middle of a character */
            at.column++;
        }
    }
    return at;
}

static size_t line_start(struct bytes file, unsigned line)
{
    size_t i = 0;
    for (unsigned l = 1; l < line && i < file.len; i++) {
        l += file.at[i] == '\n';
    }
    return i;
}

/* The column of a tab in a line's indentation, or 0: the usual cause of odd complaints by libyaml.
 */
static unsigned tab_in_indentation(struct bytes file, unsigned line)
{
    unsigned column = 1;
    for (size_t i = line_start(file, line); i < file.len; i++, column++) {
        if (file.at[i] == '\t') {
            return column;
        }
        if (file.at[i] != ' ') {
            break;
        }
    }
    return 0;
}

/* An IPv6 address such as ::1 in a list: YAML takes its first colon for the end of a key. */
static bool starts_with_colon(struct bytes file, struct place at)
{
    size_t i = line_start(file, at.line) + at.column - 1; /* exact in lines of ASCII */
    return bytes_slice(file, i, 2).len == 2 && file.at[i] == ':' && file.at[i + 1] == ':';
}

static int refuse_unreadable(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    struct place at = place_at(b->file, p->problem_offset);
    if (p->problem != NULL && strstr(p->problem, "control char") != NULL) {
        fault_note(b->faults, at, "control character U+%04X; expected text",
                   (unsigned)p->problem_value);
    } else {
        fault_note(b->faults, at, "this is not UTF-8; expected text in UTF-8");
    }
    return -EINVAL;
}

static int refuse_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        return -ENOMEM;
    }
    if (p->error == YAML_READER_ERROR) {
        return refuse_unreadable(b);
    }
    struct place at = place_of(p->problem_mark);
    unsigned tab = tab_in_indentation(b->file, at.line);
    if (tab != 0) {
        at.column = tab;
        return refuse(b, at, "tab character in the indentation; expected spaces");
    }
    if (starts_with_colon(b->file, at)) {
        return refuse(b, at, "a value begins with ':'; expected it in quotes, such as \"::1\"");
    }
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    if (p->context != NULL) {
        fault_note(b->faults, at, "syntax: %s; expected YAML that goes on %s of line %u", problem,
                   strncmp(p->context, "while ", 6) == 0 ? p->context + 6 : p->context,
                   (unsigned)p->context_mark.line + 1);
    } else {
        fault_note(b->faults, at, "syntax: %s; expected YAML", problem);
    }
    return -EINVAL;
}

/* ---- the tree ---- */

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml_node *node = arena_alloc(b->arena, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        node->place = node->end = place_of(mark);
        node->weight = 1;
    }
    return node;
}

static int note_anchor(struct builder *b, const char *name, const struct yaml_node *node)
{
    if (name == NULL) {
        return 0;
    }
    if (b->anchor_count == LIMIT_POLICY_ANCHORS) {
        fault_note(b->faults, node->place, "anchor '&%.64s' is one too many; expected at most %d",
                   name, LIMIT_POLICY_ANCHORS);
        return -EINVAL;
    }
    b->anchors[b->anchor_count++] = (struct anchor){.name = name, .node = node};
    return 0;
}

/* Hangs a node under the container that is open, or makes it the root. */
static int attach(struct builder *b, const struct yaml_node *node)
{
    if (b->depth == 0) {
        b->root = node;
        return 0;
    }
    struct open *open = &b->open[b->depth - 1];
    if (open->node->kind == YAML_MAP && open->key == NULL) {
        if (node->kind != YAML_TEXT) {
            return refuse(b, node->place, "a key is a list or a mapping; expected a name");
        }
        open->key = node;
        return 0;
    }
    struct cell *cell = arena_alloc(b->arena, sizeof *cell);
    if (cell == NULL) {
        return -ENOMEM;
    }
    cell->key = open->key;
    cell->item = node;
    open->key = NULL;
    if (open->first == NULL) {
        open->first = cell;
    } else {
        open->last->next = cell;
    }
    open->last = cell;
    open->node->count++;
    return 0;
}

static int spend(struct builder *b, size_t weight, struct place at)
{
    b->weight += weight;
    if (b->weight > LIMIT_POLICY_NODES) {
        fault_note(b->faults, at, "the file grows past %u values here; expected fewer",
                   LIMIT_POLICY_NODES);
        return -EINVAL;
    }
    return 0;
}

static int take_scalar(struct builder *b, const yaml_event_t *e)
{
    struct place at = place_of(e->start_mark);
    const char *text = (const char *)e->data.scalar.value;
    size_t length = e->data.scalar.length;
    if (e->data.scalar.tag != NULL) {
        return refuse(b, at, "tags have no meaning here; expected plain text");
    }
    if (strlen(text) != length) {
        return refuse(b, at, "text with a NUL character in it; expected text");
    }
    struct yaml_node *node = node_new(b, YAML_TEXT, e->start_mark);
    if (node == NULL || (node->text = arena_text(b->arena, text, length)) == NULL) {
        return -ENOMEM;
    }
    node->end = place_of(e->end_mark);
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    const char *anchor = NULL;
    if (e->data.scalar.anchor != NULL) {
        anchor = arena_text(b->arena, e->data.scalar.anchor,
                            strlen((const char *)e->data.scalar.anchor));
        if (anchor == NULL) {
            return -ENOMEM;
        }
    }
    int error = spend(b, 1, at);
    error = error != 0 ? error : note_anchor(b, anchor, node);
    return error != 0 ? error : attach(b, node);
}

static int open_container(struct builder *b, enum yaml_kind kind, const yaml_event_t *e,
                          const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct place at = place_of(e->start_mark);
    if (tag != NULL) {
        return refuse(b, at, "tags have no meaning here; expected a list or a mapping");
    }
    if (b->depth == LIMIT_POLICY_DEPTH) {
        fault_note(b->faults, at, "nested too deeply; expected at most %d levels",
                   LIMIT_POLICY_DEPTH);
        return -EINVAL;
    }
    struct yaml_node *node = node_new(b, kind, e->start_mark);
    if (node == NULL) {
        return -ENOMEM;
    }
    int error = spend(b, 1, at);
    error = error != 0 ? error : attach(b, node);
    if (error != 0) {
        return error;
    }
    struct open *open = &b->open[b->depth++];
    *open = (struct open){.node = node,
                          .flow = e->type == YAML_SEQUENCE_START_EVENT
                                      ? e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                                      : e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE};
    if (anchor != NULL) {
        open->anchor = arena_text(b->arena, anchor, strlen((const char *)anchor));
        return open->anchor == NULL ? -ENOMEM : 0;
    }
    return 0;
}

static int by_text_then_place(const void *left, const void *right)
{
    const struct yaml_node *a = *(const struct yaml_node *const *)left;
    const struct yaml_node *b = *(const struct yaml_node *const *)right;
    int order = strcmp(a->text, b->text);
    if (order != 0) {
        return order;
    }
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    return a->place.column < b->place.column ? -1 : a->place.column > b->place.column;
}

static int refuse_duplicates(struct builder *b, const struct yaml_node *map)
{
    const struct yaml_node **sorted = arena_alloc(b->arena, map->count * sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    if (map->count == 0) {
        return 0;
    }
    memcpy(sorted, map->keys, map->count * sizeof *sorted);
    qsort(sorted, map->count, sizeof *sorted, by_text_then_place);
    const struct yaml_node *first = sorted[0];
    for (unsigned i = 1; i < map->count; i++) {
        if (strcmp(first->text, sorted[i]->text) != 0) {
            first = sorted[i];
            continue;
        }
        fault_note(b->faults, sorted[i]->place,
                   "duplicate key '%.64s'; expected it once, first at line %u", first->text,
                   first->place.line);
    }
    return 0;
}

static int close_container(struct builder *b, const yaml_event_t *e)
{
    struct open open = b->open[--b->depth];
    struct yaml_node *node = open.node;
    node->items = arena_alloc(b->arena, node->count * sizeof *node->items);
    node->keys = arena_alloc(b->arena, node->count * sizeof *node->keys);
    if (node->items == NULL || node->keys == NULL) {
        return -ENOMEM;
    }
    unsigned i = 0;
    for (const struct cell *c = open.first; c != NULL; c = c->next, i++) {
        node->keys[i] = c->key;
        node->items[i] = c->item;
        node->weight += c->item->weight + (c->key != NULL);
        node->height = c->item->height + 1 > node->height ? c->item->height + 1 : node->height;
    }
    if (open.flow) {
        node->end = place_of(e->end_mark);
    } else if (open.last != NULL) {
        node->end = open.last->item->end;
    }
    int error = node->kind == YAML_MAP ? refuse_duplicates(b, node) : 0;
    return error != 0 ? error : note_anchor(b, open.anchor, node);
}

/* An anchor counts once its node is complete, so an alias can never lead back to itself. */
static int take_alias(struct builder *b, const yaml_event_t *e)
{
    struct place at = place_of(e->start_mark);
    const char *name = (const char *)e->data.alias.anchor;
    const struct yaml_node *node = NULL;
    for (unsigned i = b->anchor_count; i > 0 && node == NULL; i--) {
        node = strcmp(b->anchors[i - 1].name, name) == 0 ? b->anchors[i - 1].node : NULL;
    }
    if (node == NULL) {
        fault_note(b->faults, at,
                   "alias '*%.64s' has no anchor; expected '&%.64s' on a value above", name, name);
        return -EINVAL;
    }
    if (b->depth + node->height > LIMIT_POLICY_DEPTH) {
        fault_note(b->faults, at, "nested too deeply; expected at most %d levels",
                   LIMIT_POLICY_DEPTH);
        return -EINVAL;
    }
    int error = spend(b, node->weight, at);
    return error != 0 ? error : attach(b, node);
}

static int take(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->root == NULL ? 0
                               : refuse(b, place_of(e->start_mark),
                                        "a second document; expected one in a file");
    case YAML_SCALAR_EVENT:
        return take_scalar(b, e);
    case YAML_ALIAS_EVENT:
        return take_alias(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, YAML_LIST, e, e->data.sequence_start.anchor,
                              e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, YAML_MAP, e, e->data.mapping_start.anchor,
                              e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(b, e);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

static int build(struct builder *b)
{
    for (;;) {
        yaml_event_t e;
        if (yaml_parser_parse(&b->parser, &e) == 0) {
            return refuse_syntax(b);
        }
        bool last = e.type == YAML_STREAM_END_EVENT;
        int error = take(b, &e);
        yaml_event_delete(&e);
        if (error != 0 || last) {
            return error;
        }
    }
}

int yaml_read(struct bytes file, struct arena *arena, struct faults *faults,
              const struct yaml_node **ret)
{
    /* libyaml would count a byte order mark as a column. */
    if (bytes_has_prefix(file, "\xef\xbb\xbf", 3)) {
        file = bytes_from(file, 3);
    }
    struct builder *b = arena_alloc(arena, sizeof *b);
    if (b == NULL || yaml_parser_initialize(&b->parser) == 0) {
        return -ENOMEM;
    }
    b->file = file;
    b->arena = arena;
    b->faults = faults;
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, file.len == 0 ? (const uint8_t *)"" : file.at,
                                 file.len);
    int error = build(b);
    yaml_parser_delete(&b->parser);
    if (error == 0 && (b->root == NULL || yaml_is_null(b->root))) {
        error = refuse(b, (struct place){1, 1}, "the file declares nothing; expected a mapping");
    }
    if (error == 0) {
        *ret = b->root;
    }
    return error;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_TEXT && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const char *yaml_kind_name(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a mapping";
    case YAML_TEXT:
        break;
    }
    return yaml_is_null(node) ? "nothing" : "text";
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (unsigned i = 0; map->kind == YAML_MAP && i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key) == 0) {
            return map->items[i];
        }
    }
    return NULL;
}
