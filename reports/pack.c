#include "reports/pack.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS_MOST 9

/* ---- times ---- */

static bool number_of(const char *text, unsigned digits, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (uint32_t)(text[i] - '0');
    }
    return true;
}

bool pack_time(const char *text, struct pack_time *ret)
{
    static const char form[] = "0000-00-00T00:00:00";
    uint32_t year, month, day, hour, minute, second;
    size_t len = strlen(text);
    if (len < sizeof form || text[len - 1] != 'Z' || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' || !number_of(text, 4, &year) ||
        !number_of(text + 5, 2, &month) || !number_of(text + 8, 2, &day) ||
        !number_of(text + 11, 2, &hour) || !number_of(text + 14, 2, &minute) ||
        !number_of(text + 17, 2, &second)) {
        return false;
    }
    const char *fraction = text + sizeof form - 1;
    size_t rest = len - (sizeof form - 1) - 1; /* between the seconds and 'Z' */
    *ret = (struct pack_time){.digits = rest == 0 ? 0 : (uint8_t)(rest - 1)};
    if (rest > 0 && (*fraction != '.' || rest == 1 || rest - 1 > DIGITS_MOST ||
                     !number_of(fraction + 1, ret->digits, &ret->fraction))) {
        return false;
    }
    struct tm tm = {.tm_year = (int)year - 1900,
                    .tm_mon = (int)month - 1,
                    .tm_mday = (int)day,
                    .tm_hour = (int)hour,
                    .tm_min = (int)minute,
                    .tm_sec = (int)second};
    ret->seconds = timegm(&tm);
    /* The thirtieth of February would come back as another day. */
    return tm.tm_mon == (int)month - 1 && tm.tm_mday == (int)day && tm.tm_hour == (int)hour &&
           tm.tm_min == (int)minute && tm.tm_sec == (int)second;
}

/* The whole column, or NULL: not all are times of one precision that fit together. */
static json_t *column_of_times(json_t *const *values, size_t count)
{
    struct pack_time base;
    if (!pack_time(json_string_value(values[0]), &base)) {
        return NULL;
    }
    int64_t scale = 1, before = 0;
    for (unsigned i = 0; i < base.digits; i++) {
        scale *= 10;
    }
    json_t *steps = json_array();
    for (size_t i = 0; i < count; i++) {
        struct pack_time t;
        int64_t at = 0;
        /* The page's numbers are exact up to 2^53. */
        if (!pack_time(json_string_value(values[i]), &t) ||
            json_string_length(values[i]) != strlen(json_string_value(values[i])) ||
            t.digits != base.digits ||
            __builtin_mul_overflow(t.seconds - base.seconds, scale, &at) ||
            llabs(at) > INT64_C(1) << 52) {
            json_decref(steps);
            return NULL;
        }
        at += t.fraction;
        (void)json_array_append_new(steps, json_integer(at - before));
        before = at;
    }
    return json_pack("{s:i, s:I, s:o}", "t", (int)base.digits, "b", (json_int_t)base.seconds, "d",
                     steps);
}

/* ---- other columns ---- */

static json_t *column_as_it_is(json_t *const *values, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append(all, values[i]);
    }
    return json_pack("{s:o}", "v", all);
}

static json_t *column_of_numbers(json_t *const *values, size_t count)
{
    json_t *steps = json_array();
    json_int_t before = 0;
    for (size_t i = 0; i < count; i++) {
        json_int_t at = json_integer_value(values[i]);
        if (llabs(at) > INT64_C(1) << 52) { /* sums of steps would not be exact in the page */
            json_decref(steps);
            return column_as_it_is(values, count);
        }
        (void)json_array_append_new(steps, json_integer(at - before));
        before = at;
    }
    return json_pack("{s:o}", "d", steps);
}

static json_t *column_of_lists(json_t *const *values, size_t count)
{
    json_t *lengths = json_array();
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(lengths, json_integer((json_int_t)json_array_size(values[i])));
        (void)json_array_extend(all, values[i]);
    }
    json_t **rows = calloc(count + json_array_size(all), sizeof *rows);
    json_t *column = NULL;
    if (rows != NULL) {
        json_t **elements = rows + count;
        for (size_t i = 0; i < count; i++) {
            rows[i] = json_array_get(lengths, i);
        }
        for (size_t i = 0; i < json_array_size(all); i++) {
            elements[i] = json_array_get(all, i);
        }
        column = json_pack("{s:o, s:o}", "l", pack_column(rows, count), "e",
                           pack_column(elements, json_array_size(all)));
    }
    free(rows);
    json_decref(lengths);
    json_decref(all);
    return column;
}

/* One member of many objects. */
static json_t *column_of_member(json_t *const *objects, size_t count, const char *key,
                                json_t **room)
{
    size_t with = 0, run = 0;
    bool have = true;
    json_t *runs = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(objects[i], key);
        if ((value != NULL) != have) {
            (void)json_array_append_new(runs, json_integer((json_int_t)run));
            have = !have;
            run = 0;
        }
        run++;
        if (value != NULL) {
            room[with++] = value;
        }
    }
    (void)json_array_append_new(runs, json_integer((json_int_t)run));
    json_t *column = pack_column(room, with);
    if (with == count) {
        json_decref(runs);
        return column;
    }
    return json_pack("{s:o, s:o}", "h", runs, "c", column);
}

static json_t *column_of_objects(json_t *const *values, size_t count)
{
    json_t *keys = json_object(); /* in the order in which they were met */
    json_t *members = json_object();
    json_t **room = calloc(count, sizeof *room);
    for (size_t i = 0; i < count; i++) {
        (void)json_object_update_missing(keys, values[i]);
    }
    const char *key = NULL;
    json_t *unused = NULL;
    json_object_foreach(keys, key, unused)
    {
        if (room != NULL) {
            (void)json_object_set_new(members, key, column_of_member(values, count, key, room));
        }
    }
    free(room);
    json_decref(keys);
    return json_pack("{s:o}", "o", members);
}

/* ---- distinct values ---- */

struct distinct {
    json_t *places; /* by text: which of the distinct values it is */
    json_t *which;  /* of each value */
    json_t **first; /* the distinct values */
    size_t count;
};

/* The value as a key; a text needs no copy. */
static const char *key_of(json_t *value, char **ret_made)
{
    const char *text = json_string_value(value);
    *ret_made = text != NULL && strlen(text) == json_string_length(value)
                    ? NULL
                    : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    return *ret_made == NULL ? text : *ret_made;
}

/* False: more than half of them are distinct, so that it is not worth while; or no memory. */
static bool find_distinct(struct distinct *d, json_t *const *values, size_t count)
{
    *d = (struct distinct){json_object(), json_array(), calloc(count, sizeof(json_t *)), 0};
    for (size_t i = 0; d->first != NULL && i < count; i++) {
        char *made = NULL;
        const char *key = key_of(values[i], &made);
        json_t *place = key == NULL ? NULL : json_object_get(d->places, key);
        if (place == NULL) {
            place = json_integer((json_int_t)d->count);
            d->first[d->count++] = values[i];
            (void)json_object_set_new(d->places, key, place);
        }
        (void)json_array_append(d->which, place);
        free(made);
        if (key == NULL || d->count * 2 > count) {
            return false;
        }
    }
    return d->first != NULL;
}

static bool all_are(json_t *const *values, size_t count, json_type type)
{
    for (size_t i = 0; i < count; i++) {
        if (json_typeof(values[i]) != type) {
            return false;
        }
    }
    return true;
}

static bool all_equal(json_t *const *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (!json_equal(values[0], values[i])) {
            return false;
        }
    }
    return true;
}

static json_t *column_by_type(json_t *const *values, size_t count)
{
    json_t *column = NULL;
    if (all_are(values, count, JSON_OBJECT)) {
        return column_of_objects(values, count);
    }
    if (all_are(values, count, JSON_ARRAY)) {
        return column_of_lists(values, count);
    }
    if (all_are(values, count, JSON_STRING)) {
        column = column_of_times(values, count);
    }
    return column == NULL ? column_as_it_is(values, count) : column;
}

static json_t *column_of_distinct(json_t *const *values, size_t count)
{
    struct distinct d;
    json_t *column = find_distinct(&d, values, count)
                         ? json_pack("{s:o, s:I, s:O}", "u", column_by_type(d.first, d.count), "n",
                                     (json_int_t)d.count, "i", d.which)
                         : column_by_type(values, count);
    json_decref(d.places);
    json_decref(d.which);
    free(d.first);
    return column;
}

json_t *pack_column(json_t *const *values, size_t count)
{
    if (count == 0) {
        return column_as_it_is(values, count);
    }
    if (all_equal(values, count)) {
        return json_pack("{s:O}", "c", values[0]);
    }
    if (all_are(values, count, JSON_INTEGER)) {
        return column_of_numbers(values, count);
    }
    /* As keys, 1 and "1" would be one. */
    return all_are(values, count, json_typeof(values[0])) ? column_of_distinct(values, count)
                                                          : column_as_it_is(values, count);
}
