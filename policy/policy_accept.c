#include "policy/policy_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy_load.h"

#define SECTION "accept"

struct edit { /* one change of one file */
    const char *path;
    const struct policy_names *names;
    const struct accept_entry *entries;
    unsigned count;
    FILE *errors;
    struct load_file file;
    struct arena *arena;
    struct faults *faults;
    const char *line_end;
    char *added; /* the text that is put in, at `at` */
    size_t added_len, at;
};

static int refuse(const struct edit *e, const char *format, ...) PRINTF_LIKE(2, 3);
static int refuse(const struct edit *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(e->errors, "%s: ", e->path);
    (void)vfprintf(e->errors, format, args);
    (void)fputc('\n', e->errors);
    va_end(args);
    return -EINVAL;
}

bool policy_date(const char *text, int64_t *ret_end_ns)
{
    return load_date(text, ret_end_ns);
}

/* ---- an entry's text ---- */

/* Words that mean the same with and without quotes; all others are quoted. */
static bool is_plain(const char *text)
{
    static const char *const special[] = {"null", "true", "false", "yes", "no", "on", "off"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t rest = strspn(text, letters);
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcmp(text, special[i]) == 0) {
            return false;
        }
    }
    while (rest > 0 && text[rest] != '\0' && strchr("-._", text[rest]) != NULL) {
        rest++;
        rest += strspn(text + rest, letters);
    }
    return rest > 0 && text[rest] == '\0';
}

/* YAML 1.2 5.7: the escapes of text in double quotes. */
static void put_quoted(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            (void)fputc('\\', out);
        }
        if (c < 0x20 || c == 0x7f) {
            (void)fprintf(out, "\\x%02x", c);
        } else {
            (void)fputc(c, out);
        }
    }
    (void)fputc('"', out);
}

static void put_entry(FILE *out, const struct accept_entry *entry)
{
    const struct {
        const char *key, *value;
        bool quoted;
    } parts[] = {{"rule", entry->rule, false},     {"client", entry->client, false},
                 {"server", entry->server, false}, {"until", entry->until, false},
                 {"reason", entry->reason, true},  {"by", entry->by, true}};
    const char *before = "{";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].value == NULL) {
            continue;
        }
        (void)fprintf(out, "%s%s: ", before, parts[i].key);
        if (!parts[i].quoted && is_plain(parts[i].value)) {
            (void)fputs(parts[i].value, out);
        } else {
            put_quoted(out, parts[i].value);
        }
        before = ", ";
    }
    (void)fputc('}', out);
}

/* ---- where it goes ---- */

static struct bytes whole(const struct edit *e)
{
    return bytes_of(e->file.octets, e->file.length);
}

/* The octet at a line and column: columns are characters, and do not count a byte order mark. */
static size_t offset_of(struct bytes file, struct place at)
{
    size_t i = bytes_has_prefix(file, "\xef\xbb\xbf", 3) ? 3 : 0;
    for (unsigned line = 1; line < at.line && i < file.len; i++) {
        line += file.at[i] == '\n';
    }
    for (unsigned column = 1; column < at.column && i < file.len; column++) {
        do {
            i++;
        } while (i < file.len && (file.at[i] & 0xc0) == 0x80);
    }
    return i;
}

static size_t next_line(struct bytes file, struct place at)
{
    return offset_of(file, (struct place){.line = at.line + 1, .column = 1});
}

/* A list in brackets: before the closing one. */
static void put_in_brackets(struct edit *e, FILE *out, const struct yaml_node *list)
{
    struct bytes file = whole(e);
    e->at = offset_of(file, list->end);
    e->at -= e->at > 0;
    for (unsigned i = 0; i < e->count; i++) {
        (void)fputs(list->count + i == 0 ? "" : ", ", out);
        put_entry(out, &e->entries[i]);
    }
}

/* Lines of their own, from the beginning of one. */
static void put_lines(struct edit *e, FILE *out, unsigned indent)
{
    for (unsigned i = 0; i < e->count; i++) {
        (void)fprintf(out, "%*s- ", (int)indent, "");
        put_entry(out, &e->entries[i]);
        (void)fputs(e->line_end, out);
    }
}

static void put_at_end(struct edit *e, FILE *out)
{
    struct bytes file = whole(e);
    bool ended = file.len == 0 || file.at[file.len - 1] == '\n';
    e->at = file.len;
    (void)fprintf(out, "%s%s" SECTION ":%s", ended ? "" : e->line_end, e->line_end, e->line_end);
    put_lines(e, out, 2);
}

/* After the last line of a list, or of the key of an empty one. */
static void put_after(struct edit *e, FILE *out, struct place last, unsigned indent)
{
    struct bytes file = whole(e);
    /* A block of text ends where the next line begins. */
    e->at = last.column == 1 ? offset_of(file, last) : next_line(file, last);
    if (e->at == file.len && file.at[e->at - 1] != '\n') {
        (void)fputs(e->line_end, out);
    }
    put_lines(e, out, indent);
}

static int place_entries(struct edit *e, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, SECTION);
    struct bytes file = whole(e);
    FILE *out = open_memstream(&e->added, &e->added_len);
    if (out == NULL) {
        return -ENOMEM;
    }
    if (list == NULL) {
        put_at_end(e, out);
    } else if (list->kind != YAML_LIST) {
        put_after(e, out, list->place, 2);
    } else if (bytes_has_prefix(bytes_from(file, offset_of(file, list->place)), "[", 1)) {
        put_in_brackets(e, out, list);
    } else {
        put_after(e, out, list->end, list->place.column - 1);
    }
    return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* ---- that nothing else changed ---- */

static bool same(const struct yaml_node *x, const struct yaml_node *y)
{
    bool equal = x->kind == y->kind && x->count == y->count && x->quoted == y->quoted &&
                 (x->kind != YAML_TEXT || strcmp(x->text, y->text) == 0);
    for (unsigned i = 0; equal && i < x->count; i++) {
        equal = (x->kind != YAML_MAP || strcmp(x->keys[i]->text, y->keys[i]->text) == 0) &&
                same(x->items[i], y->items[i]);
    }
    return equal;
}

static bool is_entry(const struct yaml_node *node, const struct accept_entry *entry)
{
    const char *const values[][2] = {{"rule", entry->rule},     {"client", entry->client},
                                     {"server", entry->server}, {"until", entry->until},
                                     {"reason", entry->reason}, {"by", entry->by}};
    bool equal = node->kind == YAML_MAP;
    for (size_t i = 0; equal && i < sizeof values / sizeof *values; i++) {
        const struct yaml_node *value = yaml_get(node, values[i][0]);
        equal =
            (value == NULL) == (values[i][1] == NULL) &&
            (value == NULL || (value->kind == YAML_TEXT && strcmp(value->text, values[i][1]) == 0));
    }
    return equal;
}

/* All sections but one are the same, in their order; that one has the entries behind what it had.
 */
static bool only_added(const struct edit *e, const struct yaml_node *old,
                       const struct yaml_node *new)
{
    const struct yaml_node *had = yaml_get(old, SECTION), *has = yaml_get(new, SECTION);
    unsigned before = had == NULL || had->kind != YAML_LIST ? 0 : had->count;
    if (new->count != old->count + (had == NULL) || has == NULL || has->kind != YAML_LIST ||
        has->count != before + e->count) {
        return false;
    }
    bool equal = true;
    for (unsigned i = 0; equal && i < old->count; i++) {
        equal = strcmp(old->keys[i]->text, new->keys[i]->text) == 0 &&
                (old->items[i] == had || same(old->items[i], new->items[i]));
    }
    for (unsigned i = 0; equal && i < has->count; i++) {
        equal = i < before ? same(had->items[i], has->items[i])
                           : is_entry(has->items[i], &e->entries[i - before]);
    }
    return equal;
}

static int refuse_layout(const struct edit *e)
{
    (void)refuse(e, "its '" SECTION ":' section cannot be added to without changing more; add by "
                    "hand:");
    for (unsigned i = 0; i < e->count; i++) {
        (void)fputs("  - ", e->errors);
        put_entry(e->errors, &e->entries[i]);
        (void)fputc('\n', e->errors);
    }
    return -EINVAL;
}

static int check_text(const struct edit *e, const struct yaml_node *old,
                      const struct load_file *file)
{
    const struct load_paths paths = {e->path, NULL};
    struct bytes text = bytes_of(file->octets, file->length);
    const struct yaml_node *new = NULL;
    struct policy *policy = NULL;
    memset(e->faults, 0, sizeof *e->faults);
    int error = yaml_read(text, e->arena, e->faults, &new);
    if (error == -ENOMEM) {
        return error;
    }
    if (error != 0 || !only_added(e, old, new)) {
        return refuse_layout(e);
    }
    error = load_octets(&paths, file, e->names, e->errors, &policy);
    if (error == 0) {
        policy_free(policy);
    }
    return error;
}

/* ---- the file ---- */

static int write_all(int fd, struct bytes text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        text = bytes_from(text, n < 0 ? 0 : (size_t)n);
    }
    return 0;
}

/* The name survives a crash only when its folder is on disk too. */
static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* `path` is free of symbolic links, so that a link to the policy stays one. */
static int replace(const char *path, const struct stat *st, struct bytes text)
{
    char temporary[4096 + 16];
    const char *slash = strrchr(path, '/');
    int folder = (int)(slash - path) + 1;
    (void)snprintf(temporary, sizeof temporary, "%.*s.%s.XXXXXX", folder, path, slash + 1);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    /* Who may not give a file away keeps it. */
    int kept = fchown(fd, st->st_uid, st->st_gid);
    (void)kept;
    int error = fchmod(fd, st->st_mode & 07777) != 0 ? -errno : write_all(fd, text);
    error = error == 0 && fsync(fd) != 0 ? -errno : error;
    error = close(fd) != 0 && error == 0 ? -errno : error;
    error = error == 0 && rename(temporary, path) != 0 ? -errno : error;
    if (error != 0) {
        (void)unlink(temporary);
        return error;
    }
    temporary[folder] = '\0';
    sync_folder(temporary);
    return 0;
}

/* Opens the file as it is now, and nobody else's: a writer before us has put another in its place.
 */
static int open_locked(const char *path, struct stat *ret)
{
    for (;;) {
        struct stat named;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            return -errno;
        }
        int error =
            flock(fd, LOCK_EX) != 0 || fstat(fd, ret) != 0 || stat(path, &named) != 0 ? -errno : 0;
        if (error == 0 && named.st_ino == ret->st_ino && named.st_dev == ret->st_dev) {
            return fd;
        }
        (void)close(fd);
        if (error != 0) {
            return error;
        }
    }
}

static int edit_text(struct edit *e, struct bytes *ret)
{
    const struct yaml_node *old = NULL;
    struct bytes file = whole(e);
    int error = yaml_read(file, e->arena, e->faults, &old);
    if (error != 0) {
        faults_print(e->faults, e->path, e->errors);
        return error;
    }
    e->line_end = memmem(file.at, file.len, "\r\n", 2) != NULL ? "\r\n" : "\n";
    error = place_entries(e, old);
    uint8_t *text = error != 0 ? NULL : arena_alloc(e->arena, file.len + e->added_len);
    if (text == NULL) {
        return -ENOMEM;
    }
    memcpy(text, file.at, e->at);
    memcpy(text + e->at, e->added, e->added_len);
    memcpy(text + e->at + e->added_len, file.at + e->at, file.len - e->at);
    const struct load_file edited = {.octets = text, .length = file.len + e->added_len};
    *ret = bytes_of(text, edited.length);
    return check_text(e, old, &edited);
}

static int edit_in_arena(struct edit *e, struct bytes *ret)
{
    e->faults = arena_alloc(e->arena, sizeof *e->faults);
    return e->faults == NULL ? -ENOMEM : edit_text(e, ret);
}

static int edit_file(struct edit *e, const char *real)
{
    struct stat st;
    struct arena_pool pool;
    struct bytes text = {0};
    int fd = open_locked(real, &st);
    int error = fd < 0 ? fd : load_from(fd, &e->file);
    if (error != 0) {
        load_file_fault(e->path, error, e->errors);
    } else {
        arena_pool_init(&pool, 0);
        e->arena = arena_new(&pool, LIMIT_POLICY_MEMORY);
        error = e->arena == NULL ? -ENOMEM : edit_in_arena(e, &text);
        int written = error == 0 ? replace(real, &st, text) : 0;
        if (written < 0 || error == -ENOMEM) {
            error = refuse(e, "cannot be written: %s; it is as it was",
                           written < 0 ? strerror(-written) : "out of memory");
        }
        (void)arena_free(e->arena);
        arena_pool_done(&pool);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == 0 ? 0 : -EINVAL;
}

int policy_accept(const char *path, const struct policy_names *names,
                  const struct accept_entry *entries, unsigned count, FILE *errors)
{
    struct edit e = {
        .path = path, .names = names, .entries = entries, .count = count, .errors = errors};
    char *real = realpath(path, NULL);
    if (real == NULL) {
        return refuse(&e, "cannot be read: %s", strerror(errno));
    }
    int error = edit_file(&e, real);
    free(real);
    free(e.file.octets);
    free(e.added);
    return error;
}
