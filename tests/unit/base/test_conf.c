/* Every mistake in a configuration file is reported, with its place and a remedy, in one go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/conf.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_conf.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path_of("a.cfg"));
    unlink(path_of("b.cfg"));
    return rmdir(folder);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct conf *open_text(const char *text)
{
    struct error error = {""};
    write_file("a.cfg", text);
    struct conf *conf = conf_open(path_of("a.cfg"), &error);
    if (!conf)
        fail_msg("%s", error.text);
    return conf;
}

/* The errors are exactly these, in order, without the folder in front. */
static void close_with(struct conf *conf, const char *const *expected)
{
    size_t count = conf_finish(conf), wanted = 0;
    while (expected[wanted])
        wanted++;
    for (size_t i = 0; i < count && i < wanted; i++) {
        const char *text = conf_error_text(conf, i);
        if (strncmp(text, folder, strlen(folder)) == 0)
            text += strlen(folder) + 1;
        assert_string_equal(text, expected[i]);
    }
    if (count > wanted)
        fail_msg("also: %s", conf_error_text(conf, wanted));
    assert_int_equal(count, wanted);
    assert_null(conf_error_text(conf, count));
    assert_int_equal(conf_finish(conf), count); /* told once */
    conf_close(conf);
}

#define CLOSE_WITH(conf, ...) close_with(conf, (const char *const[]){__VA_ARGS__, NULL})
#define CLOSE_CLEAN(conf) close_with(conf, (const char *const[]){NULL})

static void values_are_read(void **state)
{
    (void)state;
    static const char *const modes[] = {"observe", "advise", "control", NULL};
    struct conf *conf = open_text("name = \"hall\"; port = 502; big = 5000000000L; share = 0.25;\n"
                                  "whole = 3; on = true; mode = \"advise\"; ratio = 0.5;\n"
                                  "grid = { import_limit = \"1.2 MW\"; soc = \"20 %\"; };\n"
                                  "words = (\"a\", \"b\"); array = [ \"x\" ];\n");
    struct conf_node *root = conf_root(conf);
    assert_string_equal(conf_string(root, "name", "none"), "hall");
    assert_string_equal(conf_string_required(root, "name"), "hall");
    assert_int_equal(conf_integer(root, "port", 1, 1, 65535), 502);
    assert_true(conf_integer(root, "big", 1, 0, INT64_MAX) == 5000000000);
    assert_true(conf_number(root, "share", 1, 0, 1) == 0.25);
    assert_true(conf_number(root, "whole", 1, 0, 10) == 3);
    assert_true(conf_flag(root, "on", false));
    assert_int_equal(conf_choice(root, "mode", modes, 0), 1);
    assert_true(conf_quantity(root, "ratio", DIMENSION_RATIO, 1, 0, 1) == 0.5);
    struct conf_node *grid = conf_group(root, "grid", true);
    assert_true(conf_quantity(grid, "import_limit", DIMENSION_POWER, 0, 0, 1e9) == 1.2e6);
    assert_true(conf_quantity_required(grid, "soc", DIMENSION_RATIO, 0, 1) == 0.2);
    struct conf_node *words = conf_list(root, "words", true);
    assert_int_equal(conf_length(words), 2);
    assert_string_equal(conf_item_string(words, 0), "a");
    assert_string_equal(conf_item_string(words, 1), "b");
    assert_string_equal(conf_item_string(conf_list(root, "array", false), 0), "x");
    assert_true(conf_has(root, "grid") && !conf_has(root, "gird") && !conf_has(NULL, "grid"));
    CLOSE_CLEAN(conf);
}

static void absent_options_take_their_fallback(void **state)
{
    (void)state;
    struct conf *conf = open_text("");
    struct conf_node *root = conf_root(conf), *none = conf_group(root, "grid", false);
    assert_null(none);
    assert_string_equal(conf_string(none, "name", "hall"), "hall");
    assert_int_equal(conf_integer(none, "port", 502, 1, 65535), 502);
    assert_true(conf_quantity(root, "limit", DIMENSION_POWER, 5, 0, 10) == 5);
    assert_false(conf_flag(root, "on", false));
    assert_null(conf_list(root, "devices", false));
    assert_int_equal(conf_length(NULL), 0);
    CLOSE_CLEAN(conf);
}

static void unknown_keys_get_the_nearest_name(void **state)
{
    (void)state;
    struct conf *conf = open_text("grid = {\n"
                                  "  imprt_limit = \"1 MW\";\n"
                                  "  b = 1;\n"
                                  "};\n"
                                  "extra = { anything = 1; };\n");
    struct conf_node *grid = conf_group(conf_root(conf), "grid", true);
    conf_quantity(grid, "import_limit", DIMENSION_POWER, 0, 0, 1e9);
    conf_quantity(grid, "export_limit", DIMENSION_POWER, 0, 0, 1e9);
    conf_integer(grid, "a", 0, 0, 9);
    CLOSE_WITH(conf, "a.cfg:2: grid: unknown key 'imprt_limit': did you mean 'import_limit'?",
               "a.cfg:3: grid: unknown key 'b': take it out",
               "a.cfg:5: unknown key 'extra': take it out");
}

/* A reader that stops at an error has not asked for the rest: that is not called unknown. */
static void after_an_error_only_misspelt_keys_are_told(void **state)
{
    (void)state;
    struct conf *conf = open_text("devices = (\n"
                                  "  { name = \"a\"; profile = \"p\"; points = ( { x = 1; } ); },\n"
                                  "  { adress = 4; unit = \"kW\"; },\n"
                                  "  { type = \"u23\"; scale = 2; } );\n"
                                  "grid = ( 1, 2, 3 );\n"
                                  "extra = 1;\n");
    static const char *const types[] = {"u16", "u32", NULL};
    struct conf_node *root = conf_root(conf), *devices = conf_list(root, "devices", true);
    conf_string_required(conf_item(devices, 0), "name");
    conf_error(conf_item(devices, 0), "the name is taken");
    assert_false(conf_has(conf_item(devices, 1), "address"));
    assert_false(conf_failed(conf_item(devices, 1)));
    conf_error(conf_item(devices, 1), "address is missing");
    assert_true(conf_failed(conf_item(devices, 1)) && !conf_failed(devices));
    conf_choice(conf_item(devices, 2), "type", types, 0);
    conf_error(conf_list(root, "grid", true), "more than 2");
    CLOSE_WITH(conf, "a.cfg:2: devices.[0]: the name is taken",
               "a.cfg:3: devices.[1]: address is missing",
               "a.cfg:4: devices.[2]: 'type' must be one of u16, u32, not \"u23\"",
               "a.cfg:5: grid: more than 2",
               "a.cfg:3: devices.[1]: unknown key 'adress': did you mean 'address'?",
               "a.cfg:6: unknown key 'extra': take it out");
}

static void what_many_readers_miss_is_told_once(void **state)
{
    (void)state;
    struct conf *conf = open_text("");
    for (int i = 0; i < 16; i++)
        assert_null(conf_group(conf_root(conf), "limits", true));
    CLOSE_WITH(conf, "a.cfg:1: 'limits' is missing: add limits = { ... }");
}

static void wrong_units_are_refused_with_a_remedy(void **state)
{
    (void)state;
    struct conf *conf = open_text("grid = {\n"
                                  "  import_limit = \"1.2 MWh\";\n"
                                  "  export_limit = 500000;\n"
                                  "  peak = \"2 MW\";\n"
                                  "  ramp = true;\n"
                                  "};\n");
    struct conf_node *grid = conf_group(conf_root(conf), "grid", true);
    assert_true(conf_quantity(grid, "import_limit", DIMENSION_POWER, 7, 0, 1e6) == 7);
    assert_true(conf_quantity(grid, "export_limit", DIMENSION_POWER, 7, 0, 1e6) == 7);
    assert_true(conf_quantity(grid, "peak", DIMENSION_POWER, 7, 0, 1e6) == 7);
    assert_true(conf_quantity(grid, "ramp", DIMENSION_POWER_RATE, 7, 0, 1e6) == 7);
    CLOSE_WITH(conf,
               "a.cfg:2: grid: 'import_limit' must be a power (W, kW, MW), not an energy: "
               "\"1.2 MWh\"",
               "a.cfg:3: grid: 'export_limit' has no unit: write it in quotes with one of W, kW, "
               "MW, not 500000",
               "a.cfg:4: grid: 'peak' must be from 0 W to 1 MW, not 2 MW",
               "a.cfg:5: grid: 'ramp' must be a power ramp in quotes with its unit (W/s, kW/s, "
               "kW/min, MW/min)");
}

static void wrong_types_and_ranges_are_told(void **state)
{
    (void)state;
    static const char *const modes[] = {"observe", "advise", "control", NULL};
    struct conf *conf = open_text("name = 5;\nport = 70000;\ncount = 2.5;\nshare = \"x\";\n"
                                  "on = 1;\nmode = \"auto\";\nempty = \"\";\n");
    struct conf_node *root = conf_root(conf);
    assert_string_equal(conf_string(root, "name", "fallback"), "fallback");
    assert_int_equal(conf_integer(root, "port", 502, 1, 65535), 502);
    assert_int_equal(conf_integer(root, "count", 3, 0, 9), 3);
    assert_true(conf_number(root, "share", 0.5, 0, 1) == 0.5);
    assert_true(conf_flag(root, "on", true));
    assert_int_equal(conf_choice(root, "mode", modes, 2), 2);
    assert_string_equal(conf_string_required(root, "empty"), "");
    CLOSE_WITH(conf, "a.cfg:1: 'name' must be a string in quotes",
               "a.cfg:2: 'port' must be from 1 to 65535, not 70000",
               "a.cfg:3: 'count' must be a whole number without quotes",
               "a.cfg:4: 'share' must be a number without quotes",
               "a.cfg:5: 'on' must be true or false",
               "a.cfg:6: 'mode' must be one of observe, advise, control, not \"auto\"",
               "a.cfg:7: 'empty' must not be empty");
}

static void absence_of_what_is_required_is_told(void **state)
{
    (void)state;
    struct conf *conf = open_text("grid = {\n};\n");
    struct conf_node *root = conf_root(conf), *grid = conf_group(root, "grid", true);
    assert_true(conf_quantity_required(grid, "limit", DIMENSION_POWER, 10, 20) == 10);
    assert_string_equal(conf_string_required(grid, "name"), "");
    assert_null(conf_list(root, "devices", true));
    struct conf_node *site = conf_group(root, "site", true);
    assert_string_equal(conf_string_required(site, "name"), ""); /* told by its group */
    CLOSE_WITH(conf, "a.cfg:1: grid: 'limit' is missing: add limit = a power (W, kW, MW)",
               "a.cfg:1: grid: 'name' is missing: add name = \"...\"",
               "a.cfg:1: 'devices' is missing: add devices = ( ... )",
               "a.cfg:1: 'site' is missing: add site = { ... }");
}

static void items_are_named_by_their_place(void **state)
{
    (void)state;
    struct conf *conf = open_text("devices = (\n"
                                  "  { name = \"a\"; },\n"
                                  "  { nam = \"b\"; },\n"
                                  "  \"c\",\n"
                                  "  { name = \"d\"; },\n"
                                  "  ( 5 ) );\n"
                                  "grid = ( { name = 5; } );\n"
                                  "list = { name = 5; };\n");
    struct conf_node *root = conf_root(conf), *devices = conf_list(root, "devices", true);
    for (size_t i = 0; i < 3; i++) {
        struct conf_node *device = conf_item(devices, i);
        conf_string_required(device, "name");
        conf_flag(device, "on", true);
    }
    assert_null(conf_item_string(devices, 4));
    assert_null(conf_group(root, "grid", true));
    assert_null(conf_list(root, "list", true));
    conf_error(conf_item(devices, 0), "overlaps with %s", "another");
    CLOSE_WITH(conf, "a.cfg:3: devices.[1]: 'name' is missing: add name = \"...\"",
               "a.cfg:4: devices.[2]: must be a group: { name = value; ... }",
               "a.cfg:6: devices.[4]: must be a string in quotes",
               "a.cfg:7: 'grid' must be a group: grid = { ... }",
               "a.cfg:8: 'list' must be a list: list = ( ... )",
               "a.cfg:2: devices.[0]: overlaps with another",
               "a.cfg:3: devices.[1]: unknown key 'nam': did you mean 'name'?",
               "a.cfg:5: devices.[3]: is not used: take it out");
}

static void included_files_are_found_beside_and_named(void **state)
{
    (void)state;
    write_file("b.cfg", "\ngrid = { limit = 5; };\n");
    struct conf *conf = open_text("@include \"b.cfg\"\n");
    conf_quantity(conf_group(conf_root(conf), "grid", true), "limit", DIMENSION_POWER, 0, 0, 9);
    assert_int_equal(conf_error_count(conf), 1);
    assert_non_null(strstr(conf_error_text(conf, 0), "b.cfg:2: grid: 'limit' has no unit"));
    conf_close(conf);
}

static void unreadable_files_are_refused(void **state)
{
    (void)state;
    struct error error;
    assert_null(conf_open(path_of("none.cfg"), &error));
    assert_non_null(strstr(error.text, "none.cfg: cannot be read"));
    assert_null(conf_open(folder, &error));
    static const char *const wrong[] = {"a = \n", "\n\na = {", "@include \"none.cfg\"\n",
                                        "a = 1; a = 2;", "a = [1, \"x\"];"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        write_file("a.cfg", wrong[i]);
        assert_null(conf_open(path_of("a.cfg"), &error));
        assert_non_null(strstr(error.text, "a.cfg:"));
    }
}

static void errors_are_bounded(void **state)
{
    (void)state;
    char *text = calloc(1, 64 * 1024);
    size_t used = 0;
    assert_non_null(text);
    for (int i = 0; i < 500; i++)
        used += (size_t)snprintf(text + used, 64, "unknown_key_%d = 1;\n", i);
    struct conf *conf = open_text(text);
    assert_int_equal(conf_finish(conf), 100);
    assert_non_null(strstr(conf_error_text(conf, 99), "more errors follow"));
    conf_close(conf);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(absent_options_take_their_fallback),
        cmocka_unit_test(unknown_keys_get_the_nearest_name),
        cmocka_unit_test(after_an_error_only_misspelt_keys_are_told),
        cmocka_unit_test(what_many_readers_miss_is_told_once),
        cmocka_unit_test(wrong_units_are_refused_with_a_remedy),
        cmocka_unit_test(wrong_types_and_ranges_are_told),
        cmocka_unit_test(absence_of_what_is_required_is_told),
        cmocka_unit_test(items_are_named_by_their_place),
        cmocka_unit_test(included_files_are_found_beside_and_named),
        cmocka_unit_test(unreadable_files_are_refused),
        cmocka_unit_test(errors_are_bounded),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
