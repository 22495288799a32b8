/*
 * test_screen.c - the live screen without a terminal: cells of any size, keys, hostile texts.
 */
#include "tests/reports/report_scene.h"

#include "capture/limits.h"
#include "dissect/text.h"
#include "reports/glyph.h"
#include "reports/screen.h"

static const char policy_text[] =
    "forests: {corp: {domains: [corp.example], netbios: [CORP]}}\n"
    "zones: {intranet: [10.0.0.0/8]}\n"
    "sites: {P01: {type: primary}}\n"
    "hosts:\n"
    "  mp01.corp.example: {addresses: [10.0.1.20], forest: corp, site: P01, roles: "
    "[management-point, distribution-point]}\n"
    "clients: {desks: {networks: [10.1.0.0/16], forest: corp}}\n";

struct stage { /* a model of a small network, with as many findings as asked for */
    struct policy *policy;
    struct finding *findings;
    struct screen_row *rows;
    struct screen_protocol protocols[3];
    struct screen_host hosts[2];
    struct record_names names;
    struct screen_model model;
    struct screen_view view;
    struct canvas canvas;
};

static const float history[] = {0, 10, 20, 40, 80, 160, 80, 40};

static void find(struct stage *s, size_t count)
{
    static const struct learned_name learned = {.name = "pc7.corp.example"};
    s->findings = calloc(count + 1, sizeof *s->findings);
    s->rows = calloc(count + 1, sizeof *s->rows);
    for (size_t i = 0; i < count; i++) {
        struct finding *f = &s->findings[i];
        *f = (struct finding){.rule = rules[i % 5],
                              .title = rules[i % 5]->title,
                              .severity = (enum severity)(SEVERITY_INFO + i % 5),
                              .confidence = CONFIDENCE_PROVEN,
                              .client = scene_party(s->policy, "10.1.0.7", 0),
                              .server = scene_party(s->policy, "10.0.1.20", 443),
                              .first_ns = scene_stamp(i).ns,
                              .last_ns = scene_stamp(i + 1).ns,
                              .count = i + 1};
        (void)snprintf(f->id, sizeof f->id, "%016zx", i);
        f->client.learned = i % 2 == 0 ? &learned : NULL;
        s->rows[i].finding = f;
    }
    s->model.rows = s->rows;
    s->model.row_count = count;
}

static void stage_set(struct stage *s, size_t findings)
{
    *s = (struct stage){.policy = scene_policy(policy_text)};
    s->protocols[0] = (struct screen_protocol){"smb", 12, 7000};
    s->protocols[1] = (struct screen_protocol){"tls", 1, 2000};
    s->protocols[2] = (struct screen_protocol){"dns", 40, 1000};
    s->hosts[0] = (struct screen_host){.declared = &s->policy->hosts[0],
                                       .address = s->policy->hosts[0].addresses[0],
                                       .group = "",
                                       .site = "P01",
                                       .zone = "intranet",
                                       .flows = 30,
                                       .octets = 9000,
                                       .findings = 5,
                                       .worst = SEVERITY_CRITICAL};
    s->hosts[1] = (struct screen_host){.group = "desks",
                                       .learned = "pc7.corp.example",
                                       .site = "",
                                       .zone = "intranet",
                                       .flows = 25,
                                       .octets = 8000};
    assert_true(address_parse("10.1.0.7", &s->hosts[1].address));
    s->names.policy = s->policy;
    s->model = (struct screen_model){
        .input = "eth1",
        .policy = "site.yaml",
        .live = true,
        .seconds = 75,
        .share = -1,
        .packets = 1234567,
        .octets = 987654321,
        .flows = 4321,
        .packet_rate = 1500,
        .bit_rate = 12345678,
        .history = history,
        .history_count = COUNT_OF(history),
        .memory = 88000000,
        .flow_memory = 1000000,
        .flow_memory_most = 512000000,
        .protocols = s->protocols,
        .protocol_count = COUNT_OF(s->protocols),
        .hosts = s->hosts,
        .host_count = COUNT_OF(s->hosts),
        .host_total = 2,
        .summary = "{\"type\":\"summary\",\"dropped\":{\"capture\":12},\"partial\":{\"gaps\":3}}",
        .names = &s->names,
    };
    find(s, findings);
    screen_init(&s->view);
    screen_arrange(&s->view, &s->model);
}

static void stage_strike(struct stage *s)
{
    screen_done(&s->view);
    canvas_done(&s->canvas);
    free(s->findings);
    free(s->rows);
    policy_free(s->policy);
}

static void draw(struct stage *s, unsigned columns, unsigned rows)
{
    bool fine = canvas_begin(&s->canvas, rows, columns);
    assert_true(fine);
    screen_compose(&s->canvas, &s->model, &s->view);
}

#define LINE (LIMIT_SCREEN_COLUMNS * CELL_TEXT + 1)

/* A row as text, without the blanks at its end. */
static const char *line_of(const struct stage *s, unsigned row, char text[LINE])
{
    size_t len = 0, end = 0;
    for (unsigned column = 0; column < s->canvas.columns; column++) {
        const struct cell *cell = canvas_cell(&s->canvas, row, column);
        memcpy(text + len, cell->text, strlen(cell->text));
        len += strlen(cell->text);
        end = strcmp(cell->text, " ") == 0 ? end : len;
    }
    text[end] = '\0';
    return text;
}

static bool on_screen(const struct stage *s, const char *what)
{
    char line[LINE];
    for (unsigned row = 0; row < s->canvas.rows; row++) {
        if (strstr(line_of(s, row, line), what) != NULL) {
            return true;
        }
    }
    return false;
}

#define expect_on_screen(s, what)                                                                  \
    do {                                                                                           \
        if (!on_screen(s, what)) {                                                                 \
            fail_msg("not on the screen: %s", what);                                               \
        }                                                                                          \
    } while (0)

static void press(struct stage *s, const char *keys)
{
    for (; *keys != '\0'; keys++) {
        (void)screen_key(&s->view, &s->model, *keys == '\n' ? KEYS_ENTER : (int)*keys);
    }
}

/* ---- sizes ---- */

/* Nothing in any cell can do anything to a terminal. */
static void expect_harmless(const struct canvas *c)
{
    for (size_t i = 0; i < (size_t)c->rows * c->columns; i++) {
        const char *text = c->cells[i].text;
        char mended[4 * CELL_TEXT];
        assert_non_null(memchr(text, '\0', CELL_TEXT));
        (void)text_from_utf8(bytes_text(text), mended, sizeof mended);
        assert_string_equal(text, mended);
        for (size_t used = 0; *text != '\0'; text += used) {
            uint32_t code = glyph_code(text, &used);
            assert_false(glyph_unsafe(code));
            assert_true(!c->ascii || code < 0x7f);
        }
    }
}

/* What of the screen a user can be looking at. */
static void look_everywhere(struct stage *s, unsigned columns, unsigned rows)
{
    static const char *const looks[] = {"1",  "2",   "3",  "4",    "5",     "1\n",  "1\ne",
                                        "1?", "2GG", "3G", "1\nG", "1\neG", "1fff", "2s3\n"};
    for (size_t i = 0; i < COUNT_OF(looks); i++) {
        press(s, looks[i]);
        draw(s, columns, rows);
        expect_harmless(&s->canvas);
        s->canvas.ascii = true;
        draw(s, columns, rows);
        expect_harmless(&s->canvas);
        s->canvas.ascii = false;
        screen_forget(&s->view);
        s->view.over = OVER_NOTHING;
        s->view.least = SEVERITY_INFO;
        screen_arrange(&s->view, &s->model);
    }
}

static void any_size(void **state)
{
    static const unsigned sizes[][2] = {{80, 24}, {40, 10}, {200, 60},  {0, 0},      {1, 1},
                                        {2, 3},   {20, 5},  {60, 14},   {59, 13},    {132, 43},
                                        {10, 60}, {300, 4}, {512, 256}, {9999, 9999}};
    static const size_t counts[] = {0, 1, 31};
    (void)state;
    for (size_t n = 0; n < COUNT_OF(counts); n++) {
        struct stage s;
        stage_set(&s, counts[n]);
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            look_everywhere(&s, sizes[i][0], sizes[i][1]);
        }
        stage_strike(&s);
    }
}

static void as_it_looks_at_80_by_24(void **state)
{
    char line[LINE];
    struct stage s;
    (void)state;
    stage_set(&s, 7);
    s.model.losses.dropped = 12;
    s.model.losses.planned = 1000;
    s.model.losses.gaps = 3;
    draw(&s, 80, 24);
    assert_string_equal(
        line_of(&s, 0, line),
        " rolecall eth1  site.yaml                                            1 min 15 s");
    assert_string_equal(
        line_of(&s, 1, line),
        "Rate      1,500 packets/s  12 Mbit/s   \u2581\u2581\u2582\u2584\u2588\u2584\u2582");
    assert_non_null(strstr(line_of(&s, 2, line), "1,234,567 packets  988 MB  4,321 conversations"));
    assert_string_equal(
        line_of(&s, 3, line),
        "Losses    12 packets dropped, 1,000 packets shed, 3 conversations with gaps");
    assert_string_equal(line_of(&s, 4, line),
                        "Findings  1 critical  1 high  1 medium  2 low  2 info");
    assert_string_equal(line_of(&s, 5, line),
                        "[1 Overview] 2 Findings  3 Hosts  4 Protocols  5 Losses");
    assert_true(canvas_cell(&s.canvas, 0, 79)->reverse);
    expect_on_screen(&s, "smb           70%");
    expect_on_screen(&s, "mp01.corp.example");
    expect_on_screen(&s, "critical");
    expect_on_screen(&s, "10.1.0.7 pc7");
    expect_on_screen(&s, "Findings: newest first  1 of 7");
    expect_on_screen(&s, ">low      R002 ");
    expect_on_screen(&s, "pc7 -> mp01:443");
    expect_on_screen(&s, "14:33:13");
    assert_non_null(strstr(line_of(&s, 23, line), "q end  ? help"));
    stage_strike(&s);
}

static void as_it_looks_small_and_large(void **state)
{
    char line[LINE];
    struct stage s;
    (void)state;
    stage_set(&s, 7);
    s.model.losses.dropped = 12;
    draw(&s, 40, 10);
    assert_string_equal(line_of(&s, 0, line), " rolecall eth1  site.yaml    1 min 15 s");
    assert_string_equal(line_of(&s, 1, line), "1,500/s 12 Mbit/s LOSSES 12 1C 1H 1M 2L");
    assert_string_equal(line_of(&s, 2, line), "[1 Over] 2 Find  3 Host  4 Prot  5 Loss");
    assert_string_equal(line_of(&s, 3, line), "Findings: newest first  1 of 7");
    expect_on_screen(&s, ">low  R002");
    expect_on_screen(&s, " crit R005");
    draw(&s, 200, 60);
    expect_on_screen(&s, "flow table 0%");
    expect_on_screen(&s, "times    first     last");
    press(&s, "3");
    draw(&s, 200, 60);
    expect_on_screen(&s, "P01 intranet management-point, distribution-point");
    expect_on_screen(&s, "10.0.1.20");
    press(&s, "4");
    draw(&s, 200, 60);
    expect_on_screen(&s, "12 conversations");
    expect_on_screen(&s, "1 conversation ");
    stage_strike(&s);
}

static void nothing_yet(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 0);
    s.model.protocol_count = s.model.host_count = 0;
    s.model.history_count = 0;
    draw(&s, 80, 24);
    expect_on_screen(&s, "Losses    none");
    expect_on_screen(&s, "Findings  none so far");
    press(&s, "\n");
    assert_int_equal(s.view.over, OVER_NOTHING);
    press(&s, "f");
    draw(&s, 80, 24);
    expect_on_screen(&s, "none of these");
    s.model.share = 0.999;
    s.model.message = "policy.yaml:3:1: refused";
    s.view.paused = true;
    draw(&s, 80, 24);
    expect_on_screen(&s, "HELD  99 % read");
    expect_on_screen(&s, "policy.yaml:3:1: refused");
    stage_strike(&s);
}

/* ---- texts ---- */

static void a_finding_in_full(void **state)
{
    struct stage s;
    struct evidence_field fields[] = {{.id = FACT_SMB_DIALECT, .text = "3.1.1"}};
    (void)state;
    stage_set(&s, 3);
    struct finding *f = &s.findings[2];
    f->explanation = "It is said in clear.";
    f->remediation = "Say it under TLS.";
    f->evidence_count = 1;
    f->evidence[0] = (struct evidence){
        .at = scene_stamp(77), .says = "the request", .fields = fields, .field_count = 1};
    press(&s, "\n");
    draw(&s, 100, 40);
    expect_on_screen(&s, "10.1.0.7 (desks, called pc7.corp.example");
    expect_on_screen(&s, "It is said in clear.");
    expect_on_screen(&s, "packet #77");
    expect_on_screen(&s, "Say it under TLS.");
    expect_on_screen(&s, "ip.addr == 10.1.0.7 && ip.addr == 10.0.1.20");
    expect_on_screen(&s, "Decoded of packet #77");
    expect_on_screen(&s, "3.1.1");
    press(&s, "e");
    draw(&s, 100, 40);
    expect_on_screen(&s, "What it means");
    expect_on_screen(&s, "What to do");
    press(&s, "n");
    assert_ptr_equal(s.view.chosen, &s.findings[1]);
    press(&s, "p");
    assert_ptr_equal(s.view.chosen, f);
    press(&s, "q5");
    draw(&s, 100, 40);
    expect_on_screen(&s, "12  packets dropped by the capturing machine");
    stage_strike(&s);
}

/* Texts that the wire or a hostile file name could bring. */
static void hostile_texts(void **state)
{
    static const struct {
        const char *text, *shown;
    } texts[] = {
        {"\33]0;owned\7\33[2J", "\\x1b]0;owned\\x07\\x1b[2J"},
        {"a\rb\nc\td", "a\\x0db\\x0ac\\x09d"},
        {"\u202egpj.exe", "\\u202egpj.exe"},
        {"\302\23331m", "\\x9b31m"},
        {"\xff\xfe\x80", "\ufffd"},
        {"\016A\016Z", "\\x0eA\\x0eZ"},
        {"zal\u0300\u0301\u0302\u0303\u0304go", "zal\u0300go"},
        {"\u6f22\u5b57", "\u6f22\u5b57"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct stage s;
        struct learned_name learned = {.name = texts[i].text};
        stage_set(&s, 1);
        s.model.input = s.findings[0].title = s.model.message = texts[i].text;
        s.protocols[0].name = s.hosts[1].learned = s.hosts[0].group = texts[i].text;
        s.findings[0].client.learned = &learned;
        s.findings[0].explanation = s.findings[0].remediation = (char *)(uintptr_t)texts[i].text;
        look_everywhere(&s, 100, 30);
        look_everywhere(&s, 33, 9);
        draw(&s, 100, 30);
        expect_on_screen(&s, texts[i].shown);
        stage_strike(&s);
    }
}

/* ---- lists ---- */

static void filters_and_sorts(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 10);
    assert_int_equal(s.view.shown_count, 10);
    assert_ptr_equal(s.view.shown[0]->finding, &s.findings[9]); /* the newest */
    press(&s, "s");
    assert_ptr_equal(s.view.shown[0]->finding,
                     &s.findings[9]); /* critical, and the newest of them */
    assert_ptr_equal(s.view.shown[9]->finding, &s.findings[0]); /* info, the oldest */
    press(&s, "fff");
    assert_int_equal(s.view.shown_count, 4);
    press(&s, "ff");
    assert_int_equal(s.view.least, SEVERITY_INFO);
    press(&s, "F");
    assert_int_equal(s.view.least, SEVERITY_CRITICAL);
    assert_int_equal(s.view.shown_count, 2);
    /* What the policy accepts is last, and counts apart. */
    s.rows[9].accepted = true;
    screen_arrange(&s.view, &s.model);
    assert_ptr_equal(s.view.shown[1]->finding, &s.findings[9]);
    assert_int_equal(s.view.accepted, 1);
    assert_int_equal(s.view.counts[SEVERITY_CRITICAL], 1);
    draw(&s, 100, 30);
    expect_on_screen(&s, "accepted R005");
    stage_strike(&s);
}

static void of_one_host(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 4);
    s.findings[1].client = scene_party(s.policy, "10.1.0.9", 0);
    press(&s, "3j\n");
    assert_int_equal(s.view.page, PAGE_FINDINGS);
    assert_int_equal(s.view.shown_count, 3); /* 10.1.0.7 */
    draw(&s, 100, 30);
    expect_on_screen(&s, ", of 10.1.0.7");
    press(&s, "\33");
    assert_int_equal(s.view.shown_count, 4);
    press(&s, "3g\n");
    assert_int_equal(s.view.shown_count, 4); /* mp01 */
    stage_strike(&s);
}

/* Who looks at a finding keeps it; who stands at the top sees what comes. */
static void stays_while_others_come(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 8);
    s.model.row_count = 5;
    screen_arrange(&s.view, &s.model);
    assert_ptr_equal(s.view.shown[s.view.selected[PAGE_FINDINGS]]->finding, &s.findings[4]);
    s.model.row_count = 6;
    screen_arrange(&s.view, &s.model);
    assert_ptr_equal(s.view.shown[s.view.selected[PAGE_FINDINGS]]->finding, &s.findings[5]);
    press(&s, "jj");
    s.model.row_count = 8;
    screen_arrange(&s.view, &s.model);
    assert_int_equal(s.view.selected[PAGE_FINDINGS], 4);
    assert_ptr_equal(s.view.shown[4]->finding, &s.findings[3]);
    /* The policy was read anew: these findings are gone. */
    screen_forget(&s.view);
    s.model.row_count = 0;
    screen_arrange(&s.view, &s.model);
    draw(&s, 80, 24);
    expect_on_screen(&s, "none so far");
    stage_strike(&s);
}

static void thousands(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, LIMIT_FINDINGS);
    press(&s, "2G");
    draw(&s, 80, 24);
    expect_on_screen(&s, "20,000 of 20,000");
    expect_on_screen(&s, ">info     R001");
    press(&s, "g");
    draw(&s, 80, 24);
    expect_on_screen(&s, "1 of 20,000");
    (void)screen_key(&s.view, &s.model, KEYS_PAGE_DOWN);
    draw(&s, 80, 24);
    expect_on_screen(&s, "16 of 20,000");
    stage_strike(&s);
}

/* ---- keys ---- */

static void keys_and_answers(void **state)
{
    static const struct {
        const char *before;
        int key;
        enum screen_answer answer;
        enum screen_page page;
        enum screen_over over;
    } cases[] = {
        {"", 'q', ANSWER_END, PAGE_OVERVIEW, OVER_NOTHING},
        {"", 'w', ANSWER_REPORT, PAGE_OVERVIEW, OVER_NOTHING},
        {"\n", 'w', ANSWER_REPORT, PAGE_OVERVIEW, OVER_FINDING},
        {"", 'L' & 0x1f, ANSWER_REDRAW, PAGE_OVERVIEW, OVER_NOTHING},
        {"", 'x', ANSWER_NOTHING, PAGE_OVERVIEW, OVER_NOTHING},
        {"", KEYS_UNKNOWN, ANSWER_NOTHING, PAGE_OVERVIEW, OVER_NOTHING},
        {"", KEYS_TAB, ANSWER_CHANGED, PAGE_FINDINGS, OVER_NOTHING},
        {"5", KEYS_TAB, ANSWER_CHANGED, PAGE_OVERVIEW, OVER_NOTHING},
        {"", KEYS_BACK_TAB, ANSWER_CHANGED, PAGE_LOSSES, OVER_NOTHING},
        {"", KEYS_ENTER, ANSWER_CHANGED, PAGE_OVERVIEW, OVER_FINDING},
        {"4", KEYS_ENTER, ANSWER_CHANGED, PAGE_PROTOCOLS, OVER_NOTHING},
        {"", 'e', ANSWER_CHANGED, PAGE_OVERVIEW, OVER_RULE},
        {"e", 'e', ANSWER_CHANGED, PAGE_OVERVIEW, OVER_FINDING},
        {"\n", 'q', ANSWER_CHANGED, PAGE_OVERVIEW, OVER_NOTHING},
        {"\n", KEYS_ESCAPE, ANSWER_CHANGED, PAGE_OVERVIEW, OVER_NOTHING},
        {"e", KEYS_BACKSPACE, ANSWER_CHANGED, PAGE_OVERVIEW, OVER_NOTHING},
        {"", '?', ANSWER_CHANGED, PAGE_OVERVIEW, OVER_HELP},
        {"?", '?', ANSWER_CHANGED, PAGE_OVERVIEW, OVER_NOTHING},
        {"?", '3', ANSWER_CHANGED, PAGE_HOSTS, OVER_NOTHING},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage s;
        stage_set(&s, 3);
        press(&s, cases[i].before);
        assert_int_equal(screen_key(&s.view, &s.model, cases[i].key), cases[i].answer);
        assert_int_equal(s.view.page, cases[i].page);
        assert_int_equal(s.view.over, cases[i].over);
        stage_strike(&s);
    }
}

static void scrolls_to_the_ends(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 3);
    press(&s, "e");
    draw(&s, 40, 10);
    assert_true(s.view.lines > s.view.room);
    press(&s, "Gjj");
    draw(&s, 40, 10);
    assert_int_equal(s.view.text_first, s.view.lines - s.view.room);
    draw(&s, 200, 60); /* all of it fits */
    assert_int_equal(s.view.text_first, 0);
    press(&s, "kk");
    assert_int_equal(s.view.text_first, 0);
    stage_strike(&s);
}

static void counts_in_bits(void **state)
{
    struct stage s;
    (void)state;
    stage_set(&s, 0);
    static const struct {
        double rate;
        const char *shown;
    } cases[] = {
        {0, "  0 bit/s"}, {999, " 999 bit/s"}, {999.6, "1.0 kbit/s"}, {9.97e9, " 10 Gbit/s"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        s.model.bit_rate = cases[i].rate;
        draw(&s, 80, 24);
        expect_on_screen(&s, cases[i].shown);
    }
    stage_strike(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_size),
        cmocka_unit_test(as_it_looks_at_80_by_24),
        cmocka_unit_test(as_it_looks_small_and_large),
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(a_finding_in_full),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(filters_and_sorts),
        cmocka_unit_test(of_one_host),
        cmocka_unit_test(stays_while_others_come),
        cmocka_unit_test(thousands),
        cmocka_unit_test(keys_and_answers),
        cmocka_unit_test(scrolls_to_the_ends),
        cmocka_unit_test(counts_in_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
