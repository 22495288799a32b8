#include "reports/document.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/limits.h"
#include "reports/tree.h"

static const struct {
    const char *type;
    size_t offset;
    bool single; /* a json_t *, else a part */
} kinds[] = {
    {"audit", offsetof(struct document, audit), true},
    {"model", offsetof(struct document, model), true},
    {"summary", offsetof(struct document, summary), true},
    {"finding", offsetof(struct document, findings), false},
    {"verdict", offsetof(struct document, verdicts), false},
    {"statement", offsetof(struct document, statements), false},
    {"coverage", offsetof(struct document, coverage), false},
    {"rule", offsetof(struct document, rules), false},
    {"host", offsetof(struct document, hosts), false},
    {"conversation", offsetof(struct document, conversations), false},
    {"traffic", offsetof(struct document, traffic), false},
    {"grade", offsetof(struct document, grades), false},
    {"history", offsetof(struct document, history), false},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static size_t kind_of(const json_t *record)
{
    const char *type = member_text(record, "type");
    size_t kind = 0;
    while (kind < KINDS && (type == NULL || strcmp(kinds[kind].type, type) != 0)) {
        kind++;
    }
    return kind;
}

/* Records of a type lie together; `lines` has room for each of them once more. */
static bool sort_out(struct document *d)
{
    size_t counts[KINDS + 1] = {0};
    json_t **next = calloc(d->line_count + 1, sizeof *next);
    if (next == NULL) {
        return false;
    }
    d->sorted = next;
    for (size_t i = 0; i < d->line_count; i++) {
        counts[kind_of(d->lines[i])]++;
    }
    for (size_t k = 0; k < KINDS; k++) {
        if (!kinds[k].single) {
            ((struct document_part *)(void *)((char *)d + kinds[k].offset))->at = next;
            next += counts[k];
        }
    }
    for (size_t i = 0; i < d->line_count; i++) {
        size_t k = kind_of(d->lines[i]);
        void *field = k == KINDS ? NULL : (char *)d + kinds[k].offset;
        if (k < KINDS && kinds[k].single) {
            *(json_t **)field = d->lines[i];
        } else if (k < KINDS) {
            struct document_part *part = field;
            part->at[part->count++] = d->lines[i];
        }
    }
    return true;
}

/* Every finding asks for its rule. */
static bool name_rules(struct document *d)
{
    d->rule_names = json_object();
    bool good = d->rule_names != NULL;
    for (size_t i = 0; good && i < d->rules.count; i++) {
        const char *name = member_text(d->rules.at[i], "rule");
        good = name == NULL || json_object_set(d->rule_names, name, d->rules.at[i]) == 0;
    }
    return good;
}

static int add_line(struct document *d, struct bytes line, char error[DOCUMENT_ERROR])
{
    json_error_t fault;
    json_t *record = json_loadb((const char *)line.at, line.len,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (record == NULL || !json_is_object(record)) {
        json_decref(record);
        (void)snprintf(error, DOCUMENT_ERROR, "record %zu is not a JSON object", d->line_count + 1);
        return -EINVAL;
    }
    if ((d->line_count & (d->line_count - 1)) == 0) { /* 0, and powers of 2 */
        size_t room = d->line_count == 0 ? 1 : 2 * d->line_count;
        json_t **grown = realloc(d->lines, room * sizeof *grown);
        if (grown == NULL) {
            json_decref(record);
            return -ENOMEM;
        }
        d->lines = grown;
    }
    d->lines[d->line_count++] = record;
    return 0;
}

int document_parse(struct bytes text, char error[DOCUMENT_ERROR], struct document **ret)
{
    struct document *d = calloc(1, sizeof *d);
    int failed = d == NULL ? -ENOMEM : 0;
    for (size_t at = 0; failed == 0 && at < text.len;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.at) - at;
        if (len > 0) {
            failed = add_line(d, bytes_of(text.at + at, len), error);
        }
        at += len + 1;
    }
    if (failed == 0 && !(sort_out(d) && name_rules(d))) {
        failed = -ENOMEM;
    }
    if (failed < 0) {
        document_free(d);
        return failed;
    }
    *ret = d;
    return 0;
}

int document_begin(struct document_draft *d)
{
    *d = (struct document_draft){.tree = tree_new()};
    d->out = d->tree == NULL ? NULL : output_to_tree(d->tree);
    if (d->out == NULL) {
        d->tree = tree_free(d->tree);
        return -ENOMEM;
    }
    return 0;
}

int document_finish(struct document_draft *draft, struct document **ret)
{
    struct document *d = calloc(1, sizeof *d);
    bool whole = d != NULL && output_error(draft->out) == 0 &&
                 tree_take(draft->tree, &d->lines, &d->line_count) && sort_out(d) && name_rules(d);
    output_drop(draft->out);
    tree_free(draft->tree);
    if (!whole) {
        document_free(d);
        return -ENOMEM;
    }
    *ret = d;
    return 0;
}

/* ---- findings made when they are asked for ---- */

struct finding_making {
    struct finding_source source;
    struct document_draft draft;
    json_t *made;
};

static void making_free(struct finding_making *m)
{
    if (m != NULL) {
        json_decref(m->made);
        output_drop(m->draft.out);
        tree_free(m->draft.tree);
        free(m);
    }
}

int document_make_findings(struct document *d, const struct finding_source *source)
{
    struct finding_making *m = calloc(1, sizeof *m);
    if (m == NULL || document_begin(&m->draft) < 0) {
        free(m);
        return -ENOMEM;
    }
    m->source = *source;
    d->making = m;
    d->findings.count = source->count;
    return 0;
}

const json_t *document_finding(const struct document *d, size_t place)
{
    struct finding_making *m = d->making;
    if (m == NULL) {
        return d->findings.at[place];
    }
    json_decref(m->made);
    m->source.write(m->source.user, m->draft.out, place);
    m->made = output_error(m->draft.out) == 0 ? tree_take_one(m->draft.tree) : NULL;
    return m->made;
}

bool document_finding_brief(const struct document *d, size_t place, struct finding_view *ret)
{
    if (d->making == NULL) {
        return false;
    }
    d->making->source.brief(d->making->source.user, place, ret);
    return true;
}

struct document *document_free(struct document *d)
{
    if (d != NULL) {
        making_free(d->making);
        for (size_t i = 0; i < d->line_count; i++) {
            json_decref(d->lines[i]);
        }
        free(d->lines);
        free(d->sorted);
        json_decref(d->rule_names);
        free(d);
    }
    return NULL;
}

/* ---- reading ---- */

const json_t *member_at(const json_t *record, const char *path)
{
    while (record != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        record = json_object_getn(record, path, len);
        path += len + (path[len] == '.');
    }
    return record;
}

const char *member_text(const json_t *record, const char *path)
{
    return json_string_value(member_at(record, path));
}

uint64_t member_number(const json_t *record, const char *path)
{
    json_int_t number = json_integer_value(member_at(record, path));
    return number < 0 ? 0 : (uint64_t)number;
}

bool member_truth(const json_t *record, const char *path)
{
    return json_is_true(member_at(record, path));
}

const json_t *document_rule(const struct document *d, const json_t *record)
{
    const char *name = member_text(record, "rule");
    return name == NULL ? NULL : json_object_get(d->rule_names, name);
}

/* ---- writing ---- */

static void write_members(struct json *j, const json_t *object)
{
    /* jansson reads through an iterator that is not const, and changes nothing. */
    json_t *members = (json_t *)object;
    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        const char *name = json_object_iter_key(at);
        json_key(j, bytes_text(name));
        json_value(j, NULL, json_object_iter_value(at));
    }
}

/* Depth is bounded by what was parsed: jansson refuses more than 2048. */
void json_value(struct json *j, const char *key, const json_t *value)
{
    if (json_is_object(value)) {
        json_open(j, key, '{');
        write_members(j, value);
        json_close(j, '}');
    } else if (json_is_array(value)) {
        json_open(j, key, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            json_value(j, NULL, json_array_get(value, i));
        }
        json_close(j, ']');
    } else if (json_is_string(value)) {
        json_span(j, key, bytes_of(json_string_value(value), json_string_length(value)));
    } else if (json_is_integer(value)) {
        json_number(j, key, (uint64_t)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        json_truth(j, key, json_is_true(value));
    }
}

void document_write(struct output *out, const struct document *d)
{
    assert(d->making == NULL); /* they would be missing */
    for (size_t i = 0; i < d->line_count; i++) {
        struct json j = json_on(out);
        json_value(&j, NULL, d->lines[i]);
        json_line(&j);
    }
}
