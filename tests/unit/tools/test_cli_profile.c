/* `tidewatt profile`: what it prints about good files, bad files and things that are no files, and
 * what it returns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/cli.h"

#define GOOD PROFILE_FOLDER "/victron-gx.cfg"

static char folder[64], file[96];
static char output[64 * 1024];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tidewatt-cli-profile-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof(file), "%s/some.cfg", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void write_file(const char *text, size_t size)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/* Both streams, as a user sees them. */
static int run(const char *first, const char *second, const char *third)
{
    static const struct cli_command command = {"profile", "lint FILE... | show FILE",
                                               "Checks device profiles", cli_profile};
    char *words[] = {(char *)"profile", (char *)first, (char *)second, (char *)third, NULL};
    int count = third ? 4 : second ? 3 : first ? 2 : 1;
    FILE *sink = tmpfile();
    int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);

    assert_non_null(sink);
    fflush(stdout);
    dup2(fileno(sink), STDOUT_FILENO);
    dup2(fileno(sink), STDERR_FILENO);
    int code = cli_profile(&command, count, words);
    fflush(stdout);
    dup2(kept_out, STDOUT_FILENO);
    dup2(kept_err, STDERR_FILENO);
    close(kept_out);
    close(kept_err);
    rewind(sink);
    output[fread(output, 1, sizeof(output) - 1, sink)] = '\0';
    fclose(sink);
    return code;
}

static void assert_says(const char *text)
{
    if (!strstr(output, text))
        fail_msg("\"%s\" is not in: %s", text, output);
}

static int lint_text(const char *text)
{
    write_file(text, strlen(text));
    return run("lint", file, NULL);
}

static void a_good_file_gets_one_line(void **state)
{
    (void)state;
    assert_int_equal(run("lint", GOOD, NULL), 0);
    assert_says("victron-gx.cfg: 5 points, 1 read of 5 registers, community");
    assert_says("evcc");
}

static void each_mistake_has_its_line(void **state)
{
    (void)state;
    assert_int_equal(
        lint_text("profile: {\n name = \"x\"; source = \"s\"; grade = \"community\"; points: (\n"
                  "  { point = \"power_w\"; address = 1; type = \"u16\"; },\n"
                  "  { point = \"soc_pct\"; address = 2; type = \"u16\"; unit = \"W\"; }\n"
                  " );\n};\n"),
        CLI_REFUSED);
    assert_says("some.cfg:3: ");
    assert_says("unit is missing");
    assert_says("some.cfg:4: ");
    assert_says("some.cfg: 2 errors");
}

static void an_unknown_key_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(
        lint_text("profile: { name = \"x\"; source = \"s\"; grade = \"community\"; colour = 1;\n"
                  " points: ( { point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\"; } "
                  "); };"),
        CLI_REFUSED);
    assert_says("colour");
}

static void no_points_are_an_error(void **state)
{
    (void)state;
    assert_int_equal(
        lint_text("profile: { name = \"x\"; source = \"s\"; grade = \"community\"; points: (); };"),
        CLI_REFUSED);
    assert_says("0 points");
}

static void broken_syntax_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(lint_text("profile: { name = \"x\n"), CLI_REFUSED);
    assert_says("some.cfg:");
    assert_says("1 error\n");
    assert_int_equal(lint_text(""), CLI_REFUSED);
    assert_says("'profile' is missing");
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    static const char binary[] = "\177ELF\0\1\2\033[2J\0profile";
    write_file(binary, sizeof(binary));
    assert_int_equal(run("lint", file, NULL), CLI_REFUSED);
    assert_null(strchr(output, '\033'));
    assert_int_equal(run("lint", folder, NULL), CLI_REFUSED);
    assert_says("is a folder");
    assert_int_equal(run("lint", "/no/such/file.cfg", NULL), CLI_REFUSED);
    assert_says("cannot be read");
}

static void texts_of_a_file_do_not_reach_the_terminal_raw(void **state)
{
    (void)state;
    assert_int_equal(lint_text("profile: { name = \"x\"; source = \"s\"; grade = \"\\x1b[2J\"; };"),
                     CLI_REFUSED);
    assert_null(strchr(output, '\033'));
    assert_int_equal(
        lint_text("profile: { name = \"x\"; source = \"\\x1b[2J\"; grade = \"community\"; points: ("
                  " { point = \"state\"; address = 1; type = \"u16\"; } ); };"),
        0);
    assert_null(strchr(output, '\033'));
}

static void one_bad_file_fails_them_all(void **state)
{
    (void)state;
    write_file("profile", 7);
    assert_int_equal(run("lint", GOOD, file), CLI_REFUSED);
    assert_says("victron-gx.cfg: 5 points");
    assert_says("some.cfg: 1 error");
}

/* Legal, but no device of this size is known by its range. */
static const char DOUBTFUL[] =
    "profile: { name = \"x\"; source = \"s\"; grade = \"community\"; points: ("
    " { point = \"power_w\"; address = 1; type = \"i32\"; unit = \"W\"; } ); };";

static void warnings_fail_only_when_strict(void **state)
{
    (void)state;
    assert_int_equal(lint_text(DOUBTFUL), 0);
    assert_says("some.cfg: warning: power_w, holding 1: ");
    assert_says("1 warning: s");
    assert_null(strstr(output, ": note: "));
    assert_int_equal(run("lint", "--strict", file), CLI_REFUSED);
    assert_int_equal(run("lint", "--strict", GOOD), 0);
}

static void notes_are_told_on_demand(void **state)
{
    (void)state;
    assert_int_equal(lint_text(DOUBTFUL), 0);
    assert_int_equal(run("lint", "--notes", file), 0);
    assert_says("some.cfg: note: no identity");
}

static void show_prints_a_row_a_point(void **state)
{
    (void)state;
    assert_int_equal(run("show", GOOD, NULL), 0);
    assert_says("victron-gx: Victron Energy");
    assert_says("POINT");
    assert_says("soc_pct");
    assert_says("843");
    assert_int_equal(run("show", "/no/such/file.cfg", NULL), CLI_REFUSED);
}

static void wrong_words_are_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, NULL, NULL), CLI_USAGE);
    assert_int_equal(run("lint", NULL, NULL), CLI_USAGE);
    assert_int_equal(run("burn", GOOD, NULL), CLI_USAGE);
    assert_int_equal(run("show", GOOD, GOOD), CLI_USAGE);
    assert_int_equal(run("lint", "--loud", GOOD), CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_gets_one_line),
        cmocka_unit_test(each_mistake_has_its_line),
        cmocka_unit_test(an_unknown_key_is_an_error),
        cmocka_unit_test(no_points_are_an_error),
        cmocka_unit_test(broken_syntax_is_an_error),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(texts_of_a_file_do_not_reach_the_terminal_raw),
        cmocka_unit_test(one_bad_file_fails_them_all),
        cmocka_unit_test(warnings_fail_only_when_strict),
        cmocka_unit_test(notes_are_told_on_demand),
        cmocka_unit_test(show_prints_a_row_a_point),
        cmocka_unit_test(wrong_words_are_wrong_usage),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
