/*
 * test_catalogue.c - the list of rules and a rule explained: complete, laid well, and as records.
 */
#include "tests/test.h"

#include <jansson.h>

#include "reports/catalogue.h"

static char *taken(struct output *out)
{
    size_t len = 0;
    const char *text = output_memory(out, &len);
    char *copy = strndup(text, len);
    assert_non_null(copy);
    assert_int_equal(output_close(out), 0);
    return copy;
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        assert_true(len == 0 || line[len - 1] != ' ');
        longest = len > longest ? len : longest;
        line += len + (line[len] == '\n');
    }
    return longest;
}

static void list_has_every_rule_once(void **state)
{
    (void)state;
    for (unsigned width = 80; width <= 200; width += 40) {
        struct text_style style = {.width = width};
        struct output *out = output_to_memory();
        catalogue_list(out, &style, false);
        char *text = taken(out);
        assert_true(longest_line(text) <= width);
        const char *at = text;
        for (unsigned i = 0; i < rule_count; i++) {
            char begins[128];
            (void)snprintf(begins, sizeof begins, "%s  %s ", rules[i]->code, rules[i]->name);
            assert_ptr_equal(strstr(at, begins),
                             at); /* a line of its own, in the catalogue's order */
            do {
                at += strcspn(at, "\n") + 1;
            } while (*at == ' ');
        }
        assert_string_equal(at, "");
        free(text);
    }
}

static void records_hold_every_field(void **state)
{
    (void)state;
    struct text_style style = {0};
    struct output *out = output_to_memory();
    catalogue_list(out, &style, true);
    char *text = taken(out), *line = text;
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = rules[i];
        const struct {
            const char *key, *value;
        } texts[] = {{"type", "rule"},          {"code", r->code},
                     {"rule", r->name},         {"title", r->title},
                     {"means", r->means},       {"severity", severity_name(r->severity)},
                     {"evidence", r->evidence}, {"remediation", r->remediation}};
        size_t len = strcspn(line, "\n");
        json_t *doc = json_loadb(line, len, 0, NULL);
        assert_non_null(doc);
        for (size_t t = 0; t < COUNT_OF(texts); t++) {
            assert_string_equal(json_string_value(json_object_get(doc, texts[t].key)),
                                texts[t].value);
        }
        size_t statements = *r->statements != '\0'; /* of what a capture shows there is none */
        for (const char *c = r->statements; *c != '\0'; c++) {
            statements += *c == ' ';
        }
        assert_int_equal(json_array_size(json_object_get(doc, "statements")), statements);
        assert_true(json_array_size(json_object_get(doc, "references")) > 0);
        assert_int_equal(json_array_size(json_object_get(doc, "records")),
                         __builtin_popcount(r->records));
        json_decref(doc);
        line += len + 1;
    }
    assert_string_equal(line, "");
    free(text);
}

/* Every word of a text, in order: that is what wrapping keeps. */
static void must_hold_words(const char *text, const char *words)
{
    while (*words != '\0') {
        size_t len = strcspn(words, " \n");
        char word[512];
        assert_true(len < sizeof word);
        (void)snprintf(word, sizeof word, "%.*s", (int)len, words);
        text = strstr(text, word);
        if (text == NULL) {
            fail_msg("'%s' is missing", word);
            return;
        }
        text += len;
        words += len + strspn(words + len, " \n");
    }
}

static void explanation_says_it_all(void **state)
{
    static const char *const headings[] = {"What it means", "What is looked at", "What to do",
                                           "Statements of the specification", "References"};
    (void)state;
    for (unsigned i = 0; i < rule_count; i++) {
        const struct rule *r = rules[i];
        const char *const bodies[] = {r->means, r->evidence, r->remediation, r->statements,
                                      r->references};
        struct text_style style = {.width = 80};
        struct output *out = output_to_memory();
        catalogue_explain(out, &style, r);
        char *text = taken(out);
        assert_true(longest_line(text) <= 80 || strstr(r->references, "://") != NULL);
        must_hold_words(text, r->code);
        must_hold_words(text, r->title);
        must_hold_words(text, r->name);
        const char *at = text;
        for (size_t h = 0; h < COUNT_OF(headings); h++) {
            const char *found = strstr(at, headings[h]);
            assert_int_equal(found != NULL, *bodies[h] != '\0');
            at = found != NULL ? found : at;
            must_hold_words(at, bodies[h]);
        }
        free(text);
    }
}

/* A rule of the policy's own has little to tell: what is missing has no heading. */
static void bare_rule(void **state)
{
    static const struct rule bare = {
        .code = "WATCH", .name = "no-telnet", .title = "Telnet", .severity = SEVERITY_LOW};
    (void)state;
    struct text_style style = {.width = 80};
    struct output *out = output_to_memory();
    catalogue_explain(out, &style, &bare);
    char *text = taken(out);
    assert_string_equal(text, "WATCH Telnet\n      no-telnet, low\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_has_every_rule_once),
        cmocka_unit_test(records_hold_every_field),
        cmocka_unit_test(explanation_says_it_all),
        cmocka_unit_test(bare_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
