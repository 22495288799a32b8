#include "reports/finding_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "reports/glyph.h"

const char *member_or_empty(const json_t *record, const char *path)
{
    const char *text = member_text(record, path);
    return text == NULL ? "" : text;
}

static struct end_view end_of(const json_t *finding, const char *key)
{
    const json_t *end = member_at(finding, key);
    const char *name = member_text(end, "name");
    struct end_view view = {
        .known = end != NULL,
        .name = name != NULL ? name : member_or_empty(end, "learned_name"),
        .learned_from = name != NULL ? "" : member_or_empty(end, "learned_from"),
        .group = member_or_empty(end, "group"),
        .zone = member_or_empty(end, "zone"),
        .forest = member_or_empty(end, "forest"),
        .port = member_number(end, "port"),
    };
    (void)snprintf(view.ip, sizeof view.ip, "%s", member_or_empty(end, "ip"));
    return view;
}

struct finding_view finding_view(const struct document *d, size_t place)
{
    const json_t *f = document_finding(d, place);
    const json_t *row = json_array_get(member_at(f, "evidence"), 0);
    struct finding_view v = {
        .record = f,
        .rule = document_rule(d, f),
        .id = member_or_empty(f, "id"),
        .name = member_or_empty(f, "rule"),
        .code = member_or_empty(f, "code"),
        .title = member_or_empty(f, "title"),
        .severity = member_or_empty(f, "severity"),
        .confidence = member_or_empty(f, "confidence"),
        .explanation = member_or_empty(f, "explanation"),
        .remediation = member_or_empty(f, "remediation"),
        .first = member_or_empty(f, "first"),
        .last = member_or_empty(f, "last"),
        .file = member_or_empty(row, "file"),
        .packet = member_number(row, "packet"),
        .count = member_number(f, "count"),
        .accepted = member_at(f, "accepted") != NULL && !member_truth(f, "accepted.expired"),
        .reason = member_or_empty(f, "accepted.reason"),
        .client = end_of(f, "client"),
        .server = end_of(f, "server"),
    };
    enum severity severity = SEVERITY_OFF;
    v.rank = severity_parse(v.severity, &severity) ? (unsigned)severity : 0;
    return v;
}

struct finding_view finding_view_brief(const struct document *d, size_t place)
{
    struct finding_view v;
    return document_finding_brief(d, place, &v) ? v : finding_view(d, place);
}

const char *end_label(const struct end_view *e)
{
    return *e->name != '\0' ? e->name : e->ip;
}

void json_word(struct json *j, const char *key, const char *text)
{
    json_text(j, key, *text == '\0' ? NULL : text);
}

void escaped_text(struct output *out, const char *text, const char *special, size_t most)
{
    for (size_t used = 0, len = 0; *text != '\0'; text += used) {
        struct glyph g = glyph_of(text, &used);
        char piece[2 * sizeof g.text];
        size_t n = 0;
        for (unsigned i = 0; i < g.len; i++) {
            if (strchr(special, g.text[i]) != NULL) {
                piece[n++] = '\\';
            }
            piece[n++] = g.text[i];
        }
        if (n > most - len) {
            return;
        }
        output_octets(out, piece, n);
        len += n;
    }
}

/* Days since the epoch of a civil date; the other way round of json.c's. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year =
        (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t time_of_text(const char *rfc3339)
{
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int used = 0;
    if (rfc3339 == NULL || sscanf(rfc3339, "%4u-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour,
                                  &minute, &second, &used) != 6) {
        return 0;
    }
    int64_t fraction = 0, unit = 100000000;
    const char *at = rfc3339 + used + (rfc3339[used] == '.');
    for (; *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10) {
        fraction += (*at - '0') * unit;
    }
    int64_t days = days_of((int64_t)year, month, day);
    int64_t seconds = days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second);
    int64_t ns = 0;
    return __builtin_mul_overflow(seconds, 1000000000, &ns) ? 0 : ns + fraction;
}
