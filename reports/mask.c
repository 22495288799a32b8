#include "reports/mask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "capture/arena.h"
#include "capture/limits.h"

#define BUCKETS 16384u /* a power of two */
#define NAME_LEAST 2   /* one letter is in every sentence */

struct masked { /* a name, lower case */
    const char *name;
    size_t len;
    enum masked_kind kind;
    unsigned number;      /* within its kind: names of one host share it */
    struct masked *next;  /* of the same first word: longer ones first */
    struct masked *later; /* in the order of learning */
};

struct masked_address {
    struct address address;
    unsigned number;
    struct masked_address *next;
};

struct mask {
    struct arena_pool pool;
    struct arena *arena;
    struct masked *names[BUCKETS], *first, **end;
    struct masked_address *addresses[BUCKETS];
    unsigned count, numbers[MASKED_KINDS], v4, v6;
    uint64_t shed;
};

/* ---- names ---- */

/* What a word is made of; octets of UTF-8 are letters. */
static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && in_word(text[len])) {
        len++;
    }
    return len;
}

static struct masked **bucket_of(struct mask *m, const char *name, size_t word)
{
    uint64_t hash = BYTES_HASH_START;
    for (size_t i = 0; i < word; i++) {
        const uint8_t c = (uint8_t)tolower((unsigned char)name[i]);
        hash = bytes_hash(hash, bytes_of(&c, 1));
    }
    return &m->names[(hash ^ hash >> 32) & (BUCKETS - 1)];
}

static const struct masked *find_whole(struct mask *m, const char *name, size_t len)
{
    const struct masked *n = *bucket_of(m, name, word_length(name));
    while (n != NULL && !(n->len == len && strncasecmp(n->name, name, len) == 0)) {
        n = n->next;
    }
    return n;
}

/* Number 0: the next one. Returns the number; 0 when it was not kept. */
static unsigned add(struct mask *m, enum masked_kind kind, const char *name, size_t len,
                    unsigned number)
{
    const struct masked *known = len == 0 ? NULL : find_whole(m, name, len);
    if (known != NULL || len < NAME_LEAST) {
        return known == NULL ? 0 : known->number;
    }
    struct masked *n = m->count < LIMIT_MASKED_NAMES ? arena_alloc(m->arena, sizeof *n) : NULL;
    char *copy = n == NULL ? NULL : arena_text(m->arena, name, len);
    if (copy == NULL) {
        m->shed++;
        return 0;
    }
    m->count++;
    for (size_t i = 0; i < len; i++) {
        copy[i] = (char)tolower((unsigned char)copy[i]);
    }
    *n = (struct masked){.name = copy, .len = len, .kind = kind};
    n->number = number != 0 ? number : ++m->numbers[kind];
    struct masked **at = bucket_of(m, name, word_length(name));
    while (*at != NULL && (*at)->len > len) {
        at = &(*at)->next;
    }
    n->next = *at;
    *at = n;
    *m->end = n;
    m->end = &n->later;
    return n->number;
}

/* A host is known by its whole name and by the first label; what follows that is its domain. */
static void add_host(struct mask *m, const char *name, size_t len)
{
    struct address a;
    char text[ADDRESS_TEXT];
    (void)snprintf(text, sizeof text, "%.*s", (int)len, name);
    if (address_parse(text, &a)) {
        return;
    }
    const char *dot = memchr(name, '.', len);
    if (dot == NULL) {
        (void)add(m, MASKED_HOST, name, len, 0);
        return;
    }
    size_t label = (size_t)(dot - name), rest = len - label - 1;
    if (memchr(dot + 1, '.', rest) == NULL) {
        (void)add(m, MASKED_DOMAIN, name, len, 0); /* "corp.example" itself */
        return;
    }
    const struct masked *known = find_whole(m, name, label);
    unsigned number = add(m, MASKED_HOST, name, len,
                          known != NULL && known->kind == MASKED_HOST ? known->number : 0);
    (void)add(m, MASKED_HOST, name, label, number);
    (void)add(m, MASKED_DOMAIN, dot + 1, rest, 0);
}

static void add_domain(struct mask *m, const char *name, size_t len)
{
    (void)add(m, MASKED_DOMAIN, name, len, 0);
}

/* The words of a longer name as well: sentences may show a part of it. */
static void add_words(struct mask *m, const char *name, size_t len, unsigned number)
{
    const char *blank = memchr(name, ' ', len);
    for (size_t at = 0; blank != NULL && at < len;) {
        size_t word = 0;
        while (at + word < len && name[at + word] != ' ') {
            word++;
        }
        if (word > NAME_LEAST) {
            (void)add(m, MASKED_USER, name + at, word, number);
        }
        at += word + 1;
    }
}

static void add_user(struct mask *m, const char *name, size_t len)
{
    const char *slash = memchr(name, '\\', len), *at = memchr(name, '@', len);
    if (slash != NULL) {
        add_domain(m, name, (size_t)(slash - name));
        len -= (size_t)(slash - name) + 1;
        name = slash + 1;
        at = memchr(name, '@', len);
    }
    if (at != NULL) {
        add_domain(m, at + 1, len - (size_t)(at - name) - 1);
        len = (size_t)(at - name);
    }
    if (memchr(name, '/', len) != NULL) { /* "host/pc7.corp.example" */
        mask_name(m, MASKED_HOST, name);
    } else if (len > 0 && name[len - 1] == '$') { /* a machine's account */
        add_host(m, name, len - 1);
    } else {
        unsigned number = add(m, MASKED_USER, name, len, 0);
        add_words(m, name, len, number);
    }
}

/* "\\\\server\\share", "cifs/server:445/domain", "NAME<20>": what the name is in. */
static void add_host_in(struct mask *m, const char *text)
{
    const char *slash = strchr(text, '/');
    struct address a;
    if (address_parse(text, &a)) {
        return;
    }
    text += strncmp(text, "\\\\", 2) == 0 ? 2 : slash != NULL ? (size_t)(slash - text) + 1 : 0;
    size_t len = strcspn(text, "\\/:<@ ");
    while (len > 0 && (text[len - 1] == '.' || text[len - 1] == '$')) {
        len--;
    }
    if (len > 0) {
        add_host(m, text, len);
    }
}

void mask_name(struct mask *m, enum masked_kind kind, const char *name)
{
    while (*name != '\0' && !in_word(*name) && *name != '\\') {
        name++;
    }
    if (kind == MASKED_USER) {
        add_user(m, name, strlen(name));
    } else if (kind == MASKED_HOST) {
        add_host_in(m, name);
    } else {
        (void)add(m, kind, name, strlen(name), 0);
    }
}

/* ---- where names come from ---- */

void mask_policy(struct mask *m, const struct policy *p)
{
    for (unsigned i = 0; i < p->host_count; i++) {
        mask_name(m, MASKED_HOST, p->hosts[i].name);
        for (unsigned a = 0; a < p->hosts[i].alias_count; a++) {
            mask_name(m, MASKED_HOST, p->hosts[i].aliases[a]);
        }
    }
    for (unsigned i = 0; i < p->forest_count; i++) {
        const struct forest *f = &p->forests[i];
        for (unsigned n = 0; n < f->domain_count; n++) {
            mask_name(m, MASKED_DOMAIN, f->domains[n]);
        }
        for (unsigned n = 0; n < f->netbios_count; n++) {
            mask_name(m, MASKED_DOMAIN, f->netbios[n]);
        }
        mask_name(m, MASKED_DOMAIN, f->name);
    }
    for (unsigned i = 0; i < p->account_count; i++) {
        for (unsigned n = 0; n < p->accounts[i].count; n++) {
            mask_name(m, MASKED_USER, p->accounts[i].accounts[n]);
        }
    }
}

struct mask *mask_new(const struct policy *p)
{
    struct mask *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->end = &m->first;
    arena_pool_init(&m->pool, 0);
    m->arena = arena_new(&m->pool, LIMIT_MASKED_OCTETS);
    if (m->arena == NULL) {
        return mask_free(m);
    }
    if (p != NULL) {
        mask_policy(m, p);
    }
    return m;
}

struct mask *mask_free(struct mask *m)
{
    if (m != NULL) {
        arena_free(m->arena);
        arena_pool_done(&m->pool);
        free(m);
    }
    return NULL;
}

static const struct {
    enum fact_id id;
    enum masked_kind kind;
} told[] = {
    {FACT_HTTP_USER, MASKED_USER},
    {FACT_HTTP_HOST, MASKED_HOST},
    {FACT_HTTP_CCM_SOURCE_HOST, MASKED_HOST},
    {FACT_HTTP_CCM_TARGET_HOST, MASKED_HOST},
    {FACT_SMB_USER, MASKED_USER},
    {FACT_SMB_NETNAME, MASKED_HOST},
    {FACT_SMB_PATH, MASKED_HOST},
    {FACT_SMB_CALLED_NAME, MASKED_HOST},
    {FACT_SMB_CALLING_NAME, MASKED_HOST},
    {FACT_TLS_SERVER_NAME, MASKED_HOST},
    {FACT_TLS_CERTIFICATE_SUBJECT, MASKED_NAME},
    {FACT_TLS_CERTIFICATE_ISSUER, MASKED_NAME},
    {FACT_TLS_CERTIFICATE_SAN, MASKED_HOST},
    {FACT_TLS_CLIENT_CERTIFICATE_SUBJECT, MASKED_NAME},
    {FACT_TLS_CLIENT_CERTIFICATE_ISSUER, MASKED_NAME},
    {FACT_TLS_CLIENT_CERTIFICATE_SAN, MASKED_HOST},
    {FACT_LDAP_DN, MASKED_NAME},
    {FACT_SQL_USER, MASKED_USER},
    {FACT_SQL_SERVER, MASKED_HOST},
    {FACT_SQL_CLIENT_HOST, MASKED_HOST},
    {FACT_SQL_ROUTED_TO, MASKED_HOST},
    {FACT_NTLM_USER, MASKED_USER},
    {FACT_NTLM_DOMAIN, MASKED_DOMAIN},
    {FACT_NTLM_WORKSTATION, MASKED_HOST},
    {FACT_NTLM_SERVER_NAME, MASKED_HOST},
    {FACT_NTLM_SERVER_DOMAIN, MASKED_DOMAIN},
    {FACT_NTLM_SERVER_DNS_NAME, MASKED_HOST},
    {FACT_NTLM_SERVER_DNS_DOMAIN, MASKED_DOMAIN},
    {FACT_NTLM_TARGET_SPN, MASKED_HOST},
    {FACT_KERBEROS_REALM, MASKED_DOMAIN},
    {FACT_KERBEROS_REFERRAL, MASKED_DOMAIN},
    {FACT_KERBEROS_CLIENT, MASKED_USER},
    {FACT_KERBEROS_S4U_USER, MASKED_USER},
    {FACT_KERBEROS_SERVICE, MASKED_HOST},
    {FACT_KERBEROS_TICKET_SERVICE, MASKED_HOST},
    {FACT_DNS_QUERY, MASKED_HOST},
    {FACT_DNS_ANSWERS, MASKED_HOST},
    {FACT_DHCP_HOST_NAME, MASKED_HOST},
    {FACT_DHCP_CLIENT_FQDN, MASKED_HOST},
    {FACT_RDP_USER, MASKED_USER},
    {FACT_RDP_CLIENT_NAME, MASKED_HOST},
};

void mask_observe(struct mask *m, const struct observation *o)
{
    if ((MASK_RECORDS & 1u << o->record) == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const struct fact *f = observation_get(o, told[i].id);
        for (; f != NULL; f = observation_more(o, told[i].id, f)) {
            mask_name(m, told[i].kind, fact_text(o, f));
        }
    }
}

/* ---- kept for later ---- */

#define WRITTEN_HEAD 9 /* kind, number and length, little-endian */

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

void mask_write(const struct mask *m, struct output *out)
{
    for (const struct masked *n = m->shed > 0 ? NULL : m->first; n != NULL; n = n->later) {
        uint8_t head[WRITTEN_HEAD] = {(uint8_t)n->kind};
        put32(head + 1, n->number);
        put32(head + 5, (uint32_t)n->len);
        output_octets(out, head, sizeof head);
        output_octets(out, n->name, n->len);
    }
}

int mask_read(struct mask *m, struct bytes names)
{
    struct cursor c = cursor_of(names);
    while (c.rest.len > 0) {
        unsigned kind = cursor_u8(&c);
        uint32_t number = cursor_le32(&c);
        const struct bytes name = cursor_take(&c, cursor_le32(&c));
        if (c.failed || kind >= MASKED_KINDS || number == 0) {
            return -EINVAL;
        }
        (void)add(m, (enum masked_kind)kind, (const char *)name.at, name.len, number);
        m->numbers[kind] = number > m->numbers[kind] ? number : m->numbers[kind];
    }
    return m->shed > 0 ? -E2BIG : 0;
}

/* ---- texts ---- */

static unsigned address_number(struct mask *m, const struct address *a)
{
    struct masked_address **at = &m->addresses[address_hash(a) & (BUCKETS - 1)];
    while (*at != NULL && !address_equal(&(*at)->address, a)) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = arena_alloc(m->arena, sizeof **at);
        if (*at == NULL) {
            m->shed++;
            return 0;
        }
        (*at)->address = *a;
        (*at)->number = address_is_v4(a) ? ++m->v4 : ++m->v6;
    }
    return (*at)->number;
}

/* RFC 2544 and RFC 3849: addresses that nobody has. */
static void put_address(struct mask *m, struct output *out, const struct address *a)
{
    unsigned n = address_number(m, a);
    if (!address_is_v4(a)) {
        output_format(out, "2001:db8::%x:%x", n >> 16, n & 0xffff);
    } else {
        output_format(out, "198.%u.%u.%u", 18 + (n >> 16 & 1), n >> 8 & 255, n & 255);
    }
}

/* Octets of the address at the beginning of the text; 0: there is none. */
static size_t address_at(const char *text, struct address *ret)
{
    size_t run = strspn(text, "0123456789abcdefABCDEF:.");
    char copy[ADDRESS_TEXT];
    for (size_t len = run < sizeof copy - 1 ? run : sizeof copy - 1; len > 2; len--) {
        char after = text[len];
        /* What goes on in the same way is no address but a longer number. */
        bool ends = len == run ? !in_word(after)
                               : (after == ':' ||
                                  (after == '.' && !isxdigit((unsigned char)text[len + 1])));
        (void)snprintf(copy, sizeof copy, "%.*s", (int)len, text);
        if (ends && address_parse(copy, ret)) {
            return len;
        }
    }
    return 0;
}

/* "new.corp.example" of a known domain is a host of it, though nobody has named it yet. */
static void learn_at(struct mask *m, const char *text)
{
    size_t len = 0;
    while (in_word(text[len]) || (text[len] == '.' && in_word(text[len + 1]))) {
        len++;
    }
    for (const char *dot = memchr(text, '.', len); dot != NULL;) {
        size_t rest = len - (size_t)(dot - text) - 1;
        const struct masked *domain = find_whole(m, dot + 1, rest);
        if (domain != NULL && domain->kind == MASKED_DOMAIN) {
            add_host(m, text, len);
            return;
        }
        dot = memchr(dot + 1, '.', rest);
    }
}

static const struct masked *name_at(struct mask *m, const char *text)
{
    learn_at(m, text);
    const struct masked *n = *bucket_of(m, text, word_length(text));
    while (n != NULL && (strncasecmp(n->name, text, n->len) != 0 ||
                         (in_word(text[n->len]) && in_word(text[n->len - 1])))) {
        n = n->next;
    }
    return n;
}

static void put_name(struct output *out, const struct masked *n)
{
    static const char *const words[MASKED_KINDS] = {"host", "user", "domain", "name", "capture"};
    output_format(out, "%s-%u", words[n->kind], n->number);
}

char *mask_text(struct mask *m, const char *text)
{
    struct output *out = output_to_memory();
    const char *begin = text;
    bool starts = true; /* a word may begin here */
    while (out != NULL && *text != '\0') {
        struct address a;
        /* "1.3.6.1.5.5.2" holds no address. */
        bool goes_on = text - begin >= 2 && text[-1] == '.' && isdigit((unsigned char)text[-2]);
        size_t len = starts && !goes_on ? address_at(text, &a) : 0;
        const struct masked *n = starts && len == 0 && in_word(*text) ? name_at(m, text) : NULL;
        if (len > 0) {
            if (address_is_host(&a)) {
                put_address(m, out, &a);
            } else {
                output_octets(out, text, len);
            }
        } else if (n != NULL) {
            put_name(out, n);
            len = n->len;
        } else {
            output_octets(out, text, 1);
            len = 1;
        }
        starts = !in_word(text[len - 1]) || n != NULL;
        text += len;
    }
    char *made = NULL;
    if (out != NULL) {
        size_t len = 0;
        output_octets(out, "", 1);
        made = output_error(out) == 0 ? strdup(output_memory(out, &len)) : NULL;
        output_drop(out);
    }
    return made;
}

/* ---- documents ---- */

/* Words of the product, which say nothing of anybody. */
static bool is_vocabulary(const char *key)
{
    static const char *const keys[] = {
        "type",       "rule",         "code",     "severity",       "confidence",
        "status",     "roles",        "protocol", "transport",      "kind",
        "direction",  "grade",        "chapter",  "chapter_letter", "chapter_title",
        "ts",         "first",        "last",     "start",          "end",
        "generated",  "version",      "tool",     "profile",        "rules",
        "not_judged", "demands",      "seen",     "records",        "means",
        "statements", "references",   "worst",    "until",          "key",
        "not_after",  "learned_from", "row",      "class",          "zone",
        "group",      "site",         "code",     "parent"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* The values that are put in the place of others: those may be shared, also with what is not
 * masked. NULL: out of memory. */
static json_t *mask_whole(struct mask *m, const char *text, enum masked_kind kind)
{
    static const char *const words[MASKED_KINDS] = {"", "", "", "name", "capture"};
    const char *slash = kind == MASKED_FILE ? strrchr(text, '/') : NULL;
    text = slash == NULL || slash[1] == '\0' ? text : slash + 1;
    return json_sprintf("%s-%u", words[kind], add(m, kind, text, strlen(text), 0));
}

static json_t *mask_string(struct mask *m, json_t *value, const char *key)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    const char *text = json_string_value(value);
    if (strcmp(key, "file") == 0 || strcmp(key, "inputs") == 0 || strcmp(key, "files") == 0) {
        return mask_whole(m, text, MASKED_FILE);
    }
    if (strcmp(key, "subject_name") == 0 || strcmp(key, "issuer") == 0) {
        return mask_whole(m, text, MASKED_NAME);
    }
    if (strcmp(key, "policy_sha256") == 0 || strcmp(key, "sha256") == 0 ||
        strcmp(key, "head_sha256") == 0) {
        return json_string(zeros);
    }
    if (strcmp(key, "policy") == 0 || strcmp(key, "path") == 0) {
        return json_string("policy.yaml");
    }
    if (is_vocabulary(key)) {
        return json_incref(value);
    }
    char *made = mask_text(m, text);
    json_t *masked = made == NULL ? NULL : json_string(made);
    free(made);
    return masked;
}

/* Of packets, which cannot be masked. */
static void drop_packets(json_t *value)
{
    static const char *const keys[] = {"hex", "hex_of", "hex_packet", "hex_offset",
                                       "evidence_file"};
    for (size_t i = 0; json_is_object(value) && i < sizeof keys / sizeof *keys; i++) {
        (void)json_object_del(value, keys[i]);
    }
}

/* 0, or -ENOMEM with what is masked so far. */
static int mask_inside(struct mask *m, json_t *value, const char *key)
{
    int failed = 0;
    drop_packets(value);
    for (size_t i = 0; failed == 0 && i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        failed = !json_is_string(item) ? mask_inside(m, item, key)
                                       : json_array_set_new(value, i, mask_string(m, item, key));
    }
    void *at = json_is_object(value) ? json_object_iter(value) : NULL;
    for (; failed == 0 && at != NULL; at = json_object_iter_next(value, at)) {
        const char *name = json_object_iter_key(at);
        json_t *member = json_object_iter_value(at);
        /* A verdict's subject is a host, a certificate's is a name of its own. */
        bool certificates = strcmp(key, "certificates") == 0 && strcmp(name, "subject") == 0;
        name = certificates ? "subject_name" : name;
        failed = !json_is_string(member)
                     ? mask_inside(m, member, name)
                     : json_object_iter_set_new(value, at, mask_string(m, member, name));
    }
    return failed == 0 ? 0 : -ENOMEM;
}

/* Texts of the catalogue stay; those of the policy's own rules may name anybody. */
static bool is_catalogue(const json_t *record)
{
    const char *type = member_text(record, "type"), *chapter = member_text(record, "chapter");
    return type != NULL && strcmp(type, "rule") == 0 &&
           (chapter == NULL || strcmp(chapter, "watch") != 0);
}

static void learn(struct mask *m, const json_t *record)
{
    static const char *const hosts[] = {"client.name", "client.learned_name", "server.name",
                                        "server.learned_name"};
    const json_t *declared = member_at(record, "hosts");
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const char *name = member_text(record, hosts[i]);
        if (name != NULL) {
            mask_name(m, MASKED_HOST, name);
        }
    }
    for (size_t i = 0; i < json_array_size(declared); i++) {
        const char *name = member_text(json_array_get(declared, i), "name");
        mask_name(m, MASKED_HOST, name == NULL ? "" : name);
    }
    const char *type = member_text(record, "type"), *name = member_text(record, "name");
    if (type != NULL && strcmp(type, "host") == 0 && name != NULL) {
        mask_name(m, MASKED_HOST, name);
    }
    const char *by = member_text(record, "accepted.by");
    if (by != NULL) {
        mask_name(m, MASKED_USER, by);
    }
}

int mask_document(struct mask *m, struct document *d)
{
    int failed = 0;
    for (size_t i = 0; i < d->line_count; i++) {
        learn(m, d->lines[i]);
    }
    for (size_t i = 0; i < d->line_count && failed == 0; i++) {
        if (!is_catalogue(d->lines[i])) {
            failed = mask_inside(m, d->lines[i], "");
        }
    }
    for (size_t i = 0; i < d->findings.count && failed == 0; i++) {
        char id[17];
        (void)snprintf(id, sizeof id, "%016zx", i + 1);
        bool named = json_object_get(d->findings.at[i], "id") != NULL;
        failed = named && json_object_set_new(d->findings.at[i], "id", json_string(id)) != 0
                     ? -ENOMEM
                     : 0;
    }
    return failed < 0 ? failed : m->shed > 0 ? -E2BIG : 0;
}
