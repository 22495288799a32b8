#include "reports/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "capture/limits.h"
#include "dissect/base64.h"
#include "reports/pack.h"

/* What goes into the page; the other records are for machines. */
static const char *const shown_types[] = {
    "audit", "rule",         "finding", "verdict", "statement", "model",
    "host",  "conversation", "traffic", "grade",   "history",   "summary",
};
#define SHOWN_TYPES (sizeof shown_types / sizeof *shown_types)

/* How much of the evidence goes in: the first findings of each rule keep all of theirs. */
struct thinning {
    unsigned whole; /* findings of each rule with octets and fields */
    bool packets;   /* the others keep their packets, at least */
};
static const struct thinning thinnings[] = {
    {UINT32_MAX, true}, {100, true}, {10, true}, {10, false}};
#define THINNINGS (sizeof thinnings / sizeof *thinnings)

bool html_is_built(void)
{
    return page_head.len > 0;
}

/* ---- findings made shorter: the page has the way back in model.js ---- */

/* A name of one of the ends in a sentence becomes one character of the private use area: the eight
 * of them from U+E000 on, in this order. */
static const char *const end_names[] = {
    "client.name", "client.ip", "client.group", "client.learned_name",
    "server.name", "server.ip", "server.group", "server.learned_name",
};
#define END_NAMES (sizeof end_names / sizeof *end_names)
#define MARK_PREFIX "\xee\x80" /* and 0x80 + the name's place */
#define NAME_OCTETS_LEAST 4

static bool has_marks(struct bytes text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (memcmp(text.at + i, MARK_PREFIX, 2) == 0 && text.at[i + 2] < 0x80 + END_NAMES) {
            return true;
        }
    }
    return false;
}

/* The longest name that stands at the beginning; END_NAMES: none. */
static unsigned name_at(struct bytes text, const struct bytes names[END_NAMES])
{
    unsigned found = END_NAMES;
    size_t longest = NAME_OCTETS_LEAST - 1;
    for (unsigned i = 0; i < END_NAMES; i++) {
        if (names[i].len > longest && names[i].len <= text.len &&
            memcmp(names[i].at, text.at, names[i].len) == 0) {
            found = i;
            longest = names[i].len;
        }
    }
    return found;
}

static void shorten_text(json_t *record, const char *key, const struct bytes names[END_NAMES])
{
    json_t *value = json_object_get(record, key);
    struct bytes text = bytes_of(json_string_value(value), json_string_length(value));
    char *made = json_is_string(value) ? malloc(text.len + 1) : NULL;
    size_t len = 0;
    if (made == NULL) {
        return;
    }
    if (has_marks(text)) { /* in a list: it is to be taken as it is */
        (void)json_object_set_new(record, key, json_pack("[O]", value));
        text.len = 0;
    }
    for (bool whole = text.len == 0; !whole; whole = text.len == 0) {
        unsigned name = name_at(text, names);
        if (name < END_NAMES) { /* no name is shorter than its mark */
            memcpy(made + len, MARK_PREFIX, 2);
            made[len + 2] = (char)(0x80 + name);
            len += 3;
            text = bytes_from(text, names[name].len);
        } else {
            made[len++] = (char)text.at[0];
            text = bytes_from(text, 1);
        }
    }
    if (len > 0) {
        (void)json_object_set_new(record, key, json_stringn(made, len));
    }
    free(made);
}

/* Tells a time as so many of its smallest units after the one before it. */
static void shorten_time(json_t *record, const char *key, struct pack_time *before)
{
    struct pack_time t;
    const char *text = json_string_value(json_object_get(record, key));
    if (text == NULL || !pack_time(text, &t) || t.digits != before->digits) {
        before->digits = UINT8_MAX; /* then what follows stays as it is, too */
        return;
    }
    int64_t units = 1, after = 0;
    for (unsigned i = 0; i < t.digits; i++) {
        units *= 10;
    }
    if (__builtin_mul_overflow(t.seconds - before->seconds, units, &after) ||
        llabs(after) > INT64_C(1) << 52) {
        before->digits = UINT8_MAX;
        return;
    }
    after += (int64_t)t.fraction - (int64_t)before->fraction;
    (void)json_object_set_new(record, key, json_integer(after));
    *before = t;
}

static json_t *shorten_evidence(const json_t *rows, const struct bytes names[END_NAMES],
                                struct pack_time *before, bool whole)
{
    json_t *made = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_copy(json_array_get(rows, i));
        shorten_text(row, "says", names);
        shorten_time(row, "ts", before);
        if (!whole) {
            (void)json_object_del(row, "fields");
            (void)json_object_del(row, "hex");
            (void)json_object_del(row, "hex_of");
            (void)json_object_del(row, "hex_packet");
            (void)json_object_del(row, "hex_offset");
        }
        (void)json_array_append_new(made, row);
    }
    return made;
}

static void shorten_finding(json_t *finding, const struct thinning *thin, bool whole)
{
    struct bytes names[END_NAMES];
    struct pack_time before = {.digits = UINT8_MAX};
    const char *first = member_text(finding, "first");
    for (unsigned i = 0; i < END_NAMES; i++) {
        const char *name = member_text(finding, end_names[i]);
        names[i] = name == NULL ? (struct bytes){0} : bytes_text(name);
    }
    if (first != NULL && !pack_time(first, &before)) {
        before.digits = UINT8_MAX;
    }
    (void)json_object_del(finding, "flows"); /* numbers of this run: nobody can look them up */
    shorten_text(finding, "explanation", names);
    shorten_text(finding, "remediation", names);
    shorten_text(finding, "display_filter", names);
    const json_t *rows = json_object_get(finding, "evidence");
    if (rows != NULL && (whole || thin->packets)) {
        (void)json_object_set_new(finding, "evidence",
                                  shorten_evidence(rows, names, &before, whole));
    } else {
        (void)json_object_del(finding, "evidence");
    }
    if (json_object_get(finding, "evidence_file") != NULL) { /* named by the id */
        (void)json_object_set_new(finding, "evidence_file", json_true());
    }
    shorten_time(finding, "last", &before);
    if (!whole) {
        (void)json_object_set_new(finding, "thinned", json_true());
    }
}

/* ---- the data ---- */

struct packing {
    const struct document *document;
    const struct thinning *thin;
    json_t *seen; /* findings so far by code */
    json_t *all;  /* by type */
};

static bool is_whole(struct packing *p, const json_t *finding)
{
    const char *code = member_text(finding, "code");
    code = code == NULL ? "" : code;
    json_int_t seen = json_integer_value(json_object_get(p->seen, code));
    (void)json_object_set_new(p->seen, code, json_integer(seen + 1));
    return (uint64_t)seen < p->thin->whole;
}

/* A copy that lacks what the page does not show. */
static json_t *prepare(struct packing *p, const char *type, json_t *record)
{
    json_t *made = json_copy(record);
    (void)json_object_del(made, "type");
    if (strcmp(type, "finding") == 0) {
        shorten_finding(made, p->thin, is_whole(p, made));
    } else if (strcmp(type, "conversation") == 0) {
        (void)json_object_del(made, "first");
        (void)json_object_del(made, "last");
    } else if (strcmp(type, "rule") == 0) {
        (void)json_object_del(made, "records");
    }
    return made;
}

static void pack_type(struct packing *p, const char *type)
{
    const struct document *d = p->document;
    json_t **rows = calloc(d->line_count + 1, sizeof(json_t *));
    size_t count = 0;
    for (size_t i = 0; rows != NULL && i < d->line_count; i++) {
        const char *is = member_text(d->lines[i], "type");
        if (is != NULL && strcmp(is, type) == 0) {
            rows[count++] = prepare(p, type, d->lines[i]);
        }
    }
    if (count > 0) {
        (void)json_object_set_new(
            p->all, type,
            json_pack("{s:I, s:o}", "n", (json_int_t)count, "rows", pack_column(rows, count)));
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(rows[i]);
    }
    free(rows);
}

static void add_notice(struct packing *p)
{
    char says[200];
    (void)snprintf(says, sizeof says,
                   "To stay a small file, this page has the decoded evidence of the first %u "
                   "findings of each rule only; records.jsonl has all of it.",
                   p->thin->whole);
    json_t *row = json_pack("{s:s}", "says", says);
    (void)json_object_set_new(p->all, "shortened",
                              json_pack("{s:i, s:o}", "n", 1, "rows", pack_column(&row, 1)));
    json_decref(row);
}

static void add_live(struct packing *p, const struct html_live *live)
{
    json_t *row = json_pack("{s:s, s:I}", "run", live->run, "event", (json_int_t)live->event);
    (void)json_object_set_new(p->all, "live",
                              json_pack("{s:i, s:o}", "n", 1, "rows", pack_column(&row, 1)));
    json_decref(row);
}

/* The columns as JSON; NULL: out of memory. */
static char *pack_document(const struct document *d, const struct thinning *thin,
                           const struct html_live *live)
{
    struct packing p = {d, thin, json_object(), json_object()};
    for (unsigned i = 0; i < SHOWN_TYPES; i++) {
        pack_type(&p, shown_types[i]);
    }
    if (thin->whole != UINT32_MAX) {
        add_notice(&p);
    }
    if (live != NULL) {
        add_live(&p, live);
    }
    char *text = json_dumps(p.all, JSON_COMPACT);
    json_decref(p.seen);
    json_decref(p.all);
    return text;
}

/* Deflated, as base64; its length, or 0: out of memory. */
static size_t encode(const char *text, char **ret)
{
    uLong len = (uLong)strlen(text);
    uLongf packed = compressBound(len);
    Bytef *octets = malloc(packed);
    char *digits = NULL;
    if (octets != NULL && compress2(octets, &packed, (const Bytef *)text, len, 9) == Z_OK) {
        digits = malloc(base64_digits(packed));
    }
    if (digits != NULL) {
        base64_encode(bytes_of(octets, packed), digits);
    }
    free(octets);
    *ret = digits;
    return digits == NULL ? 0 : base64_digits(packed);
}

/* The data as digits; NULL: out of memory. */
static char *make_data(const struct document *d, const struct html_live *live, size_t *ret_len)
{
    char *digits = NULL;
    size_t len = 0;
    const size_t frame = page_head.len + page_body.len + page_tail.len;
    for (unsigned i = 0; i < THINNINGS && (i == 0 || len + frame > LIMIT_PAGE_OCTETS); i++) {
        char *text = pack_document(d, &thinnings[i], live);
        free(digits);
        digits = NULL;
        len = text == NULL ? 0 : encode(text, &digits);
        free(text);
    }
    *ret_len = len;
    return digits;
}

/* `more`: what its policy lets a live page do. */
static void write_page(struct output *out, const char *more, const char *digits, size_t len)
{
    output_octets(out, page_head.at, page_head.len);
    output_text(out, page_policy);
    output_text(out, more);
    output_octets(out, page_body.at, page_body.len);
    output_octets(out, digits, len);
    output_octets(out, page_tail.at, page_tail.len);
    output_line(out);
}

void render_html(struct output *out, const struct document *d, const struct render_options *o)
{
    size_t len = 0;
    char *digits = make_data(d, NULL, &len);
    (void)o;
    if (digits == NULL) {
        output_refuse(out, "out of memory for the page");
        return;
    }
    write_page(out, "", digits, len);
    free(digits);
}

void render_html_live(struct output *page, const struct document *d, const struct html_live *live)
{
    size_t len = 0;
    char *digits = make_data(d, live, &len);
    if (digits == NULL) {
        output_refuse(page, "out of memory for the page");
        return;
    }
    write_page(page, PAGE_LIVE_POLICY, digits, len);
    output_octets(live->data, digits, len);
    output_line(live->data);
    free(digits);
}
