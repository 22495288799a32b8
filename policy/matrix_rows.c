#include "policy/matrix_rows.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/nearest.h"

extern const unsigned char matrix_built_in[]; /* policy/matrix.txt, made by embed.py */
extern const size_t matrix_built_in_length;

#define ARTICLE_VERSION 1606 /* the article is of October 2016 */
#define FIRST_VERSION 1511   /* of the current branch */

/* ---- words of the columns ---- */

static const struct load_word classes[] = {
    {"http", MATRIX_HTTP},   {"https", MATRIX_HTTPS},       {"http-or-https", MATRIX_HTTP_OR_HTTPS},
    {"smb", MATRIX_SMB},     {"rpc", MATRIX_RPC},           {"sql", MATRIX_SQL},
    {"ldap", MATRIX_LDAP},   {"kerberos", MATRIX_KERBEROS}, {"mixed", MATRIX_MIXED},
    {"other", MATRIX_OTHER},
};
static const struct load_word transports[] = {
    {"tcp", MATRIX_TCP}, {"udp", MATRIX_UDP}, {"tcp+udp", MATRIX_TCP_UDP}};
static const struct load_word directions[] = {{"one-way", MATRIX_ONE_WAY},
                                              {"both-ways", MATRIX_BOTH_WAYS},
                                              {"answered-anew", MATRIX_ANSWERED_ANEW}};
static const struct load_word defaults[] = {
    {"allow", MATRIX_ALLOW}, {"if-declared", MATRIX_IF_DECLARED}, {"info", MATRIX_INFO}};
static const struct load_word site_words[] = {
    {"any", MATRIX_ANY},
    {"same-site", MATRIX_SAME_SITE},
    {"parent-child", MATRIX_PARENT_CHILD},
    {"other-hierarchy", MATRIX_OTHER_HIERARCHY},
    {"unless-site-server-initiates", MATRIX_UNLESS_SITE_SERVER_INITIATES},
};
static const struct {
    const char *name;
    role_set end;
} other_ends[] = {
    {"client", MATRIX_CLIENT},
    {"internet", MATRIX_INTERNET},
    {"site-system", MATRIX_SITE_SYSTEM},
    {"internet-facing", MATRIX_INTERNET_FACING},
};

const char *matrix_class_name(enum matrix_class of)
{
    return classes[of].name;
}

const char *matrix_versions(const struct matrix_row *row, char text[MATRIX_VERSIONS_TEXT])
{
    (void)snprintf(text, MATRIX_VERSIONS_TEXT, row->until == 0 ? "%u.." : "%u..%u", row->since,
                   row->until);
    return text;
}

/* ---- one column each ---- */

/* A list within a column, as "80,443" or "dns+wins", part by part. */
struct parts {
    char text[64]; /* of this part; what is longer is cut, and then no known word */
    struct yaml_node node;
    const char *rest; /* NULL: no more */
    unsigned column;  /* of the rest */
};

static struct parts parts_of(const struct yaml_node *node)
{
    return (struct parts){.node = *node, .rest = node->text, .column = node->place.column};
}

static bool next_part(struct parts *p, char between)
{
    if (p->rest == NULL) {
        return false;
    }
    const char *end = strchrnul(p->rest, between);
    size_t length = (size_t)(end - p->rest),
           kept = length < sizeof p->text - 1 ? length : sizeof p->text - 1;
    memcpy(p->text, p->rest, kept);
    p->text[kept] = '\0';
    p->node.text = p->text;
    p->node.place.column = p->column;
    p->column += (unsigned)length + 1;
    p->rest = *end == '\0' ? NULL : end + 1;
    return true;
}

static void read_id(struct loader *l, const struct yaml_node *node, struct matrix_row *row)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (node->text[strspn(node->text, fine)] != '\0' || strlen(node->text) >= sizeof row->id) {
        fault_note(l->faults, node->place,
                   "row '%.64s' has no usable name; expected at most %zu letters, digits, '.', "
                   "'-' and '_'",
                   node->text, sizeof row->id - 1);
    }
    (void)snprintf(row->id, sizeof row->id, "%s", node->text);
}

static role_set end_of(struct loader *l, const struct yaml_node *node)
{
    enum role role = role_find(node->text);
    if (role != ROLE_COUNT) {
        return ROLE_BIT(role);
    }
    struct nearest near = nearest_of(node->text);
    for (size_t i = 0; i < LOAD_COUNT(other_ends); i++) {
        if (strcmp(other_ends[i].name, node->text) == 0) {
            return other_ends[i].end;
        }
        nearest_offer(&near, other_ends[i].name);
    }
    for (unsigned i = 0; fault_is_heard(l->faults) && i < ROLE_COUNT; i++) {
        nearest_offer(&near, role_name((enum role)i));
    }
    load_unknown(l, node, "end", "a role, client, internet, site-system or internet-facing",
                 near.best);
    return 0;
}

static role_set ends_of(struct loader *l, const struct yaml_node *node)
{
    role_set ends = 0;
    for (struct parts p = parts_of(node); next_part(&p, '+');) {
        ends |= end_of(l, &p.node);
    }
    return ends;
}

static void read_from(struct loader *l, const struct yaml_node *node, struct matrix_row *row)
{
    row->from = ends_of(l, node);
}

static void read_to(struct loader *l, const struct yaml_node *node, struct matrix_row *row)
{
    row->to = ends_of(l, node);
}

static bool port_of(const char *text, const char **ret_end, uint16_t *ret)
{
    char *end = NULL;
    unsigned long port = *text < '0' || *text > '9' ? 0 : strtoul(text, &end, 10);
    *ret_end = end;
    *ret = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

static bool range_of(const char *text, struct port_range *ret)
{
    const char *end = NULL;
    if (!port_of(text, &end, &ret->first)) {
        return false;
    }
    ret->last = ret->first;
    return (*end == '\0' || (*end == '-' && port_of(end + 1, &end, &ret->last) && *end == '\0')) &&
           ret->first <= ret->last;
}

static void read_ports(struct loader *l, const struct yaml_node *node, struct matrix_row *row)
{
    unsigned count = 0;
    for (struct parts p = parts_of(node); next_part(&p, ',');) {
        struct port_range ranges[] = {{MATRIX_DYNAMIC_FIRST, UINT16_MAX},
                                      {MATRIX_OLD_DYNAMIC_FIRST, MATRIX_OLD_DYNAMIC_LAST}};
        unsigned more = strcmp(p.text, "dynamic") == 0 ? 2 : 1;
        if (more == 1 && !range_of(p.text, &ranges[0])) {
            fault_note(l->faults, p.node.place,
                       "unknown port '%.32s'; expected numbers from 1 to 65535 such as 80,8530, a "
                       "range such as 63000-64000, or dynamic",
                       p.text);
        } else if (count + more > MATRIX_PORTS) {
            fault_note(l->faults, p.node.place,
                       "more ports than a row holds; expected at most %u, dynamic counting twice: "
                       "put the rest into another row",
                       MATRIX_PORTS);
            return;
        } else {
            memcpy(&row->ports[count], ranges, more * sizeof *ranges);
            count += more;
        }
    }
}

static bool is_version(uint64_t version)
{
    return version >= FIRST_VERSION && version <= 9912 && version % 100 >= 1 && version % 100 <= 12;
}

static void read_versions(struct loader *l, const struct yaml_node *node, struct matrix_row *row)
{
    uint64_t since = 0, until = 0;
    if (!load_range_parse(node->text, &since, &until) || !is_version(since) ||
        (until != UINT64_MAX && !is_version(until))) {
        fault_note(l->faults, node->place,
                   "unknown versions '%.32s'; expected such as 1511.. or 1610..2111, the first "
                   "being %u",
                   node->text, FIRST_VERSION);
        return;
    }
    row->since = (uint16_t)since;
    row->until = until == UINT64_MAX ? 0 : (uint16_t)until;
}

/* The columns in their order: words, or a reader of its own. */
static const struct column {
    const char *name;
    const struct load_word *words;
    size_t count, at;
    void (*read)(struct loader *l, const struct yaml_node *node, struct matrix_row *row);
} columns[] = {
    {.name = "row", .read = read_id},
    {.name = "opened-by", .read = read_from},
    {.name = "answered-by", .read = read_to},
    {"protocol", classes, LOAD_COUNT(classes), offsetof(struct matrix_row, of), NULL},
    {"transport", transports, LOAD_COUNT(transports), offsetof(struct matrix_row, transports),
     NULL},
    {.name = "ports", .read = read_ports},
    {"direction", directions, LOAD_COUNT(directions), offsetof(struct matrix_row, direction), NULL},
    {"default", defaults, LOAD_COUNT(defaults), offsetof(struct matrix_row, otherwise), NULL},
    {"sites", site_words, LOAD_COUNT(site_words), offsetof(struct matrix_row, sites), NULL},
    {.name = "versions", .read = read_versions},
};

/* ---- the file ---- */

struct reading {
    struct matrix_row *rows;
    unsigned count;
    struct name_table ids;
};

static void read_line(struct loader *l, char *line, unsigned number, struct matrix_row *row)
{
    static const char blank[] = " \t\r";
    char *at = line + strspn(line, blank);
    row->place = (struct place){number, (unsigned)(at - line) + 1};
    for (size_t i = 0; i < LOAD_COUNT(columns); i++) {
        const struct column *c = &columns[i];
        size_t length = strcspn(at, blank);
        struct yaml_node node = {.kind = YAML_TEXT,
                                 .quoted = true,
                                 .place = {number, (unsigned)(at - line) + 1},
                                 .text = at};
        if (length == 0) {
            fault_note(l->faults, node.place,
                       "the row ends before its column '%s'; expected %zu columns", c->name,
                       LOAD_COUNT(columns));
            return;
        }
        bool last = at[length] == '\0';
        at[length] = '\0';
        if (c->read != NULL) {
            c->read(l, &node, row);
        } else {
            int value = 0;
            (void)load_word(l, c->name, &node, c->words, c->count, &value);
            ((uint8_t *)row)[c->at] = (uint8_t)value;
        }
        at += last ? length : length + 1 + strspn(at + length + 1, blank);
    }
}

static bool is_comment(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '#' || *line == '\0';
}

static void add_row(struct loader *l, struct reading *r, char *line, unsigned number)
{
    struct matrix_row *row = &r->rows[r->count];
    if (is_comment(line)) {
        return;
    }
    if (r->count == LIMIT_MATRIX_ROWS) {
        fault_note(l->faults, (struct place){number, 1}, "more rows than %u; expected fewer",
                   LIMIT_MATRIX_ROWS);
        return;
    }
    read_line(l, line, number, row);
    struct name_entry entry = {.name = row->id, .owner = r->count, .place = row->place};
    if (row->id[0] == '\0' || load_name(l, &r->ids, entry, "row")) {
        r->count++;
    }
}

static void read_rows(struct loader *l, struct reading *r, char *text)
{
    unsigned number = 1;
    for (char *line = text; line != NULL && l->error == 0; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        add_row(l, r, line, number);
        line = end == NULL ? NULL : end + 1;
    }
    if (r->count == 0 && l->faults->total == 0) {
        fault_note(l->faults, (struct place){1, 1}, "no rows; expected some, as in %s",
                   "the matrix.txt that is installed with the program");
    }
}

/* ---- the table ---- */

static bool is_selected(const struct matrix_row *row, enum profile profile)
{
    switch (profile) {
    case PROFILE_ARTICLE:
        return row->since <= ARTICLE_VERSION && (row->until == 0 || row->until >= ARTICLE_VERSION);
    case PROFILE_STRICT:
        return row->until == 0;
    case PROFILE_CURRENT:
        break;
    }
    return true;
}

static void set_bit(struct row_bits sets[MATRIX_ENDS], role_set ends, unsigned row)
{
    for (; ends != 0; ends &= ends - 1) {
        sets[__builtin_ctzll(ends)].words[row / 64] |= UINT64_C(1) << row % 64;
    }
}

/* Keeps the rows of the profile, and says of each end in which of them it stands. */
static struct matrix_table *build(struct loader *l, struct reading *r)
{
    struct matrix_table *t = load_alloc(l, 1, sizeof *t);
    for (unsigned i = 0; t != NULL && i < r->count; i++) {
        const struct matrix_row *row = &r->rows[i];
        if (!is_selected(row, l->policy->profile)) {
            continue;
        }
        set_bit(t->opened_by, row->from, t->count);
        set_bit(t->answered_by, row->to, t->count);
        if (row->direction != MATRIX_ONE_WAY) {
            t->answered_back.words[t->count / 64] |= UINT64_C(1) << t->count % 64;
        }
        r->rows[t->count++] = *row;
    }
    if (t != NULL) {
        t->rows = r->rows;
        t->words = (t->count + 63) / 64;
    }
    return t;
}

static int read_table(struct loader *l, struct bytes file, const char *path, FILE *errors)
{
    struct reading r = {.rows = load_alloc(l, LIMIT_MATRIX_ROWS + 1, sizeof *r.rows)};
    char *text = arena_text(l->scratch, file.at, file.len);
    struct faults *others = l->faults;
    l->faults = arena_alloc(l->scratch, sizeof *l->faults);
    if (r.rows == NULL || text == NULL || l->faults == NULL) {
        return -ENOMEM;
    }
    if (strlen(text) != file.len) {
        fault_note(l->faults, (struct place){1, 1}, "holds NUL octets; expected text");
    } else {
        read_rows(l, &r, text);
    }
    bool faulty = l->faults->total != 0;
    if (faulty && l->error == 0) {
        faults_print(l->faults, path, errors);
    }
    l->faults = others;
    l->policy->matrix_table = faulty || l->error != 0 ? NULL : build(l, &r);
    return l->error != 0 ? l->error : faulty ? -EINVAL : 0;
}

int matrix_load(struct loader *l, const char *path, FILE *errors)
{
    struct load_file file = {.octets = NULL};
    if (path == NULL) {
        struct bytes text = bytes_of(matrix_built_in, matrix_built_in_length);
        return read_table(l, text, "matrix.txt", errors);
    }
    int error = load_file(path, &file);
    if (error == 0) {
        struct bytes text = bytes_of(file.octets, file.length);
        l->policy->matrix_path = load_copy(l, path);
        memcpy(l->policy->matrix_sha256, file.sha256, sizeof file.sha256);
        error = read_table(l, text, path, errors);
    } else if (error != -ENOMEM) {
        load_file_fault(path, error, errors);
        error = -EINVAL;
    }
    free(file.octets);
    return error;
}

/* ---- asking ---- */

static struct row_bits rows_of(const struct matrix_table *t,
                               const struct row_bits sets[MATRIX_ENDS], role_set ends)
{
    struct row_bits all = {{0}};
    for (; ends != 0; ends &= ends - 1) {
        const struct row_bits *of = &sets[__builtin_ctzll(ends)];
        for (unsigned w = 0; w < t->words; w++) {
            all.words[w] |= of->words[w];
        }
    }
    return all;
}

struct row_bits matrix_rows_between(const struct matrix_table *t, role_set opens, role_set answers)
{
    struct row_bits one = rows_of(t, t->opened_by, opens);
    struct row_bits other = rows_of(t, t->answered_by, answers);
    for (unsigned w = 0; w < t->words; w++) {
        one.words[w] &= other.words[w];
    }
    return one;
}

struct row_bits matrix_rows_both_ways(const struct matrix_table *t, role_set opens,
                                      role_set answers)
{
    struct row_bits forth = matrix_rows_between(t, opens, answers);
    struct row_bits back = matrix_rows_between(t, answers, opens);
    for (unsigned w = 0; w < t->words; w++) {
        forth.words[w] |= back.words[w] & t->answered_back.words[w];
    }
    return forth;
}

const struct matrix_row *matrix_rows_next(const struct matrix_table *t, struct row_bits *set)
{
    for (unsigned w = 0; w < t->words; w++) {
        if (set->words[w] != 0) {
            unsigned row = w * 64 + (unsigned)__builtin_ctzll(set->words[w]);
            set->words[w] &= set->words[w] - 1;
            return &t->rows[row];
        }
    }
    return NULL;
}
