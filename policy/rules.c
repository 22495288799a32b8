/*
 * rules.c - the registry of rules.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"

#define RULE(id) extern const struct rule rule_##id;
#include "policy/rules.def"
#undef RULE

const struct rule *const rules[] = {
#define RULE(id) &rule_##id,
#include "policy/rules.def"
#undef RULE
};
const unsigned rule_count = sizeof rules / sizeof *rules;

const struct rule *rule_find(const char *name_or_code)
{
    for (unsigned i = 0; i < rule_count; i++) {
        if (strcmp(rules[i]->name, name_or_code) == 0 ||
            strcmp(rules[i]->code, name_or_code) == 0) {
            return rules[i];
        }
    }
    return NULL;
}

const struct chapter chapters[] = {
#define CHAPTER(letter, first, name, title) {letter, name, title, first},
#include "policy/chapters.def"
#undef CHAPTER
};
const unsigned chapter_count = sizeof chapters / sizeof *chapters;

const struct chapter *rule_chapter(const struct rule *r)
{
    const struct chapter *last = &chapters[chapter_count - 1], *of = chapters;
    if (r->code[0] != 'R') {
        return last;
    }
    unsigned long number = strtoul(r->code + 1, NULL, 10);
    while (of < last && of[1].first <= number) {
        of++;
    }
    return of;
}

static const char *name_of(unsigned rule)
{
    return rules[rule]->name;
}

static const char *code_of(unsigned rule)
{
    return rules[rule]->code;
}

const struct policy_names rule_names = {
    .rule_count = sizeof rules / sizeof *rules,
    .rule_name = name_of,
    .rule_code = code_of,
};
