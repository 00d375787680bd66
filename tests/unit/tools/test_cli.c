/* Option parsing and tables of the command-line tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tools/cli_levels.h"
#include "tools/cli_options.h"
#include "tools/cli_table.h"

static struct {
    bool flag, clear;
    const char *text;
    double power_w, work_ms;
    struct cli_time when;
    struct cli_list list;
} got;

static const struct cli_option options[] = {
    {"flag", CLI_FLAG, &got.flag, NULL, "a flag"},
    {"no-clear", CLI_CLEAR, &got.clear, NULL, "another"},
    {"text", CLI_TEXT, &got.text, "TEXT", "some text"},
    {"power", CLI_POWER, &got.power_w, "POWER", "a power"},
    {"work", CLI_DURATION, &got.work_ms, "TIME", "a duration"},
    {"when", CLI_TIME, &got.when, "WHEN", "a time"},
    {"level", CLI_LIST, &got.list, "LEVEL", "several"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

static int reset(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    got.clear = true;
    return 0;
}

/* Splits at blanks: enough for these tests. */
static int parse(const char *line, struct cli_operands *ret_operands, struct error *ret_error)
{
    static char text[256];
    static char *words[32];
    int count = 0;
    char *save = NULL;

    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    words[count] = NULL;
    return cli_parse(options, count, words, ret_operands, ret_error);
}

static void options_are_read_in_both_forms(void **state)
{
    struct cli_operands operands;
    struct error error;

    (void)state;
    assert_int_equal(
        parse("x --power 6.5kW --work=4h --flag one --no-clear --text=a=b two", &operands, &error),
        0);
    assert_true(got.power_w == 6500 && got.work_ms == 4.0 * HOUR_MS);
    assert_true(got.flag && !got.clear);
    assert_string_equal(got.text, "a=b");
    assert_int_equal(operands.count, 2);
    assert_string_equal(operands.words[1], "two");
    assert_null(operands.rest);
    assert_false(operands.help);
}

static void the_rest_is_not_looked_at(void **state)
{
    struct cli_operands operands;
    struct error error;

    (void)state;
    assert_int_equal(parse("x --flag -- sh -c --power --help", &operands, &error), 0);
    assert_int_equal(operands.rest_count, 4);
    assert_string_equal(operands.rest[2], "--power");
    assert_false(operands.help);
    assert_int_equal(operands.count, 0);
}

static void times_are_absolute_or_relative(void **state)
{
    struct cli_operands operands;
    struct error error;

    (void)state;
    assert_int_equal(parse("x --when +8h", &operands, &error), 0);
    assert_true(got.when.given && got.when.relative && got.when.ms == 8 * HOUR_MS);
    assert_int_equal(parse("x --when 2026-11-22T06:00Z", &operands, &error), 0);
    assert_true(got.when.given && !got.when.relative);
    assert_int_equal(got.when.ms, 1795327200000);
}

static void wrong_lines_name_the_word(void **state)
{
    static const struct {
        const char *line, *names;
    } cases[] = {
        {"x --powr 6kW", "--powr"},
        {"x --power", "--power needs a value"},
        {"x --power 6.5", "--power"},
        {"x --power 4h", "--power"},
        {"x --power -3kW", "above 0"},
        {"x --power 0W", "above 0"},
        {"x --work 3kW", "--work"},
        {"x --flag=yes", "takes no value"},
        {"x --when tomorrow", "--when"},
        {"x --when +3kW", "--when"},
        {"x -p", "-p"},
        {"x --pow 6kW", "--pow"},
        {"x --when 2026-11-22T06:00", "--when"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cli_operands operands = {.count = -1};
        struct error error = {""};

        assert_int_equal(parse(cases[i].line, &operands, &error), ERROR_INVALID);
        assert_int_equal(operands.count, -1);
        if (!strstr(error.text, cases[i].names))
            fail_msg("%s: %s", cases[i].line, error.text);
    }
    assert_true(got.power_w == 0 && got.work_ms == 0 && !got.when.given);
}

static void too_many_words_are_refused(void **state)
{
    static char word[] = "word", last[] = "last";
    char *words[CLI_WORDS + 3] = {word};
    struct cli_operands operands;
    struct error error = {""};

    (void)state;
    for (int i = 1; i <= CLI_WORDS; i++)
        words[i] = word;
    assert_int_equal(cli_parse(options, CLI_WORDS + 1, words, &operands, &error), 0);
    assert_int_equal(operands.count, CLI_WORDS);
    words[CLI_WORDS + 1] = last;
    assert_int_equal(cli_parse(options, CLI_WORDS + 2, words, &operands, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "\"last\""));
}

static void help_lists_every_option(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    cli_print_options(options, out);
    fclose(out);
    assert_non_null(strstr(text, "--power POWER "));
    assert_non_null(strstr(text, "a time\n"));
    free(text);
}

static void tables_align_by_characters_and_stay_harmless(void **state)
{
    static const struct cli_column columns[] = {{"NAME", 'l'}, {"V", 'r'}, {"WHY", 'l'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    cli_cell(table, "%s", "é");
    cli_cell(table, "%s", "–");
    cli_cell(table, "%s", "a\x1b[2J");
    cli_cell(table, "%s", "longer");
    cli_cell(table, "%d kW", 12);
    cli_cell(table, "b");
    cli_table_print(table, out);
    fclose(out);
    cli_table_destroy(table);
    assert_string_equal(text, "NAME        V  WHY\n"
                              "é           –  a?[2J\n"
                              "longer  12 kW  b\n");
    free(text);
}

static void a_list_takes_several(void **state)
{
    (void)state;
    struct cli_operands operands;
    struct error error;
    assert_int_equal(parse("x --level 4kW=80% --level=2kW=50%:4", &operands, &error), 0);
    assert_int_equal(got.list.count, 2);
    assert_string_equal(got.list.texts[1], "2kW=50%:4");
}

/* Takes the levels, or tells what must be in the error's text. */
static void level(const char *text, double power_w, double speed, int accelerators,
                  const char *told)
{
    const struct cli_list list = {1, {text}};
    struct error error = {""};
    json_t *request = json_object();
    int code = cli_levels(&list, request, &error);
    if (told) {
        assert_int_equal(code, ERROR_INVALID);
        if (!strstr(error.text, told))
            fail_msg("\"%s\" does not say \"%s\"", error.text, told);
    } else {
        json_t *got_level = json_array_get(json_object_get(request, "levels"), 0);
        assert_int_equal(code, 0);
        assert_true(json_number_value(json_object_get(got_level, "power_w")) == power_w);
        assert_true(json_number_value(json_object_get(got_level, "speed")) == speed);
        assert_int_equal(json_integer_value(json_object_get(got_level, "accelerators")),
                         accelerators);
    }
    json_decref(request);
}

static void levels_are_taken_apart(void **state)
{
    (void)state;
    level("4.5kW=85%", 4500, 0.85, 0, NULL);
    level("4.5 kW=85 %:6", 4500, 0.85, 6, NULL);
    level("4.5kW", 0, 0, 0, "POWER=SPEED");
    level("=85%", 0, 0, 0, "missing");
    level("4.5kW=", 0, 0, 0, "missing");
    level("4500=85%", 0, 0, 0, "kW");
    level("4.5kW=0.85", 4500, 0.85, 0, NULL);
    level("4.5kW=85%:many", 0, 0, 0, "number of accelerators");
    level("4.5kW=85%:0", 0, 0, 0, "number of accelerators");
    const struct cli_list many = {4, {"4kW=9%", "3kW=8%", "2kW=7%", "1kW=6%"}};
    struct error error;
    json_t *request = json_object();
    assert_int_equal(cli_levels(&many, request, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "at most 3"));
    json_decref(request);
}

static void accelerators_are_taken_apart(void **state)
{
    (void)state;
    struct error error;
    static const struct cli_list one = {1, {"h100,a100:8"}}, two = {2, {"h100:8", "a100:8"}};
    static const struct cli_list wrong[] = {
        {1, {"h100"}},    {1, {":8"}},      {1, {"h100:"}},        {1, {"h100:-1"}},
        {1, {",h100:8"}}, {1, {"h100:8x"}}, {1, {"h100,:8"}},      {1, {"h100,,a100:8"}},
        {1, {",:8"}},     {1, {","}},       {1, {"h100:8,a100:8"}}};
    json_t *request = json_object();
    assert_int_equal(cli_accelerators(&one, request, &error), 0);
    const json_t *classes = json_object_get(request, "accelerator_classes");
    assert_int_equal(json_array_size(classes), 2);
    assert_string_equal(json_string_value(json_array_get(classes, 1)), "a100");
    assert_int_equal(json_integer_value(json_object_get(request, "accelerators")), 8);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(cli_accelerators(&wrong[i], request, &error), ERROR_INVALID);
        assert_non_null(strstr(error.text, "--accelerators"));
    }
    assert_int_equal(cli_accelerators(&two, request, &error), ERROR_INVALID); /* none is dropped */
    assert_non_null(strstr(error.text, "twice"));
    json_decref(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(options_are_read_in_both_forms, reset),
        cmocka_unit_test_setup(the_rest_is_not_looked_at, reset),
        cmocka_unit_test_setup(times_are_absolute_or_relative, reset),
        cmocka_unit_test_setup(wrong_lines_name_the_word, reset),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(help_lists_every_option),
        cmocka_unit_test(tables_align_by_characters_and_stay_harmless),
        cmocka_unit_test(a_list_takes_several),
        cmocka_unit_test(levels_are_taken_apart),
        cmocka_unit_test(accelerators_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
