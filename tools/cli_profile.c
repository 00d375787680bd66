/* `tidewatt profile`: device profiles as files, without a device. `lint` prints every mistake and
 * doubt with its place and remedy, `show` one profile as a table for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/poll_plan.h"
#include "drivers/profile_lint.h"
#include "tools/cli.h"
#include "tools/cli_table.h"

static const char NOTHING[] = "–";
static const char *const TABLES[] = {"holding", "input"};
static const char *const ORDERS[] = {"ABCD", "CDAB", "BADC", "DCBA"};

/* What is found in one file, and how much of it is told. */
struct findings {
    const char *path;
    bool notes; /* print them too */
    int errors, warnings;
};

/* Texts quote the file, which may hold anything: no control of the terminal. */
static void print_line(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
    putchar('\n');
}

static void note_error(void *context, const char *text)
{
    struct findings *findings = context;

    findings->errors++;
    print_line(text);
}

static void note_doubt(void *context, enum lint_severity severity, const char *text)
{
    struct findings *findings = context;
    char line[LIMIT_PATH + LIMIT_ERROR_TEXT];

    findings->warnings += severity == LINT_WARNING;
    if (severity == LINT_NOTE && !findings->notes)
        return;
    snprintf(line, sizeof(line), "%s: %s: %s", findings->path, lint_severity_name(severity), text);
    print_line(line);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int load(struct findings *findings, struct profile *ret_profile)
{
    struct error error;
    char text[LIMIT_PATH];

    if (!is_folder(findings->path))
        return profile_load(findings->path, ret_profile, &error, note_error, findings);
    snprintf(text, sizeof(text), "%s: is a folder: name the files in it", findings->path);
    note_error(findings, text);
    return ERROR_INVALID;
}

static struct profile *profile_room(void)
{
    struct profile *profile = malloc(sizeof(*profile));

    if (!profile)
        abort(); /* a short-lived tool: there is nothing to save */
    return profile;
}

/* Lint */

static const char *plural(int count)
{
    return count == 1 ? "" : "s";
}

/* How often it is asked, as far as that is known before the device has been discovered. */
static void print_reads(const struct profile *profile)
{
    struct poll_plan plan;
    int registers = 0;

    if (profile->sunspec) {
        printf("SunSpec by discovery");
        return;
    }
    poll_plan_init(&plan, profile);
    int reads = poll_plan_block_count(&plan);
    for (int i = 0; i < reads; i++)
        registers += poll_plan_block(&plan, i).count;
    printf("%d read%s of %d register%s", reads, plural(reads), registers, plural(registers));
}

static void print_summary(const struct profile *profile, const struct findings *findings)
{
    char source[sizeof(profile->source) + 2];

    printf("%s: %d point%s, ", findings->path, profile->row_count, plural(profile->row_count));
    print_reads(profile);
    printf(", %s", profile_grade_name(profile->grade));
    if (findings->warnings > 0)
        printf(", %d warning%s", findings->warnings, plural(findings->warnings));
    snprintf(source, sizeof(source), ": %s", profile->source);
    print_line(source);
}

static void lint_file(struct findings *findings, struct profile *profile)
{
    if (load(findings, profile) < 0) {
        printf("%s: %d error%s\n", findings->path, findings->errors, plural(findings->errors));
        return;
    }
    profile_lint(profile, note_doubt, findings);
    print_summary(profile, findings);
}

static int lint(const struct cli_operands *operands, bool strict, bool notes)
{
    struct profile *profile = profile_room();
    bool sound = true;

    for (int i = 1; i < operands->count; i++) {
        struct findings findings = {.path = operands->words[i], .notes = notes};
        lint_file(&findings, profile);
        sound = sound && findings.errors == 0 && (!strict || findings.warnings == 0);
    }
    free(profile);
    return sound ? 0 : CLI_REFUSED;
}

/* Show */

static void cell_address(struct cli_table *table, const struct profile_row *row)
{
    if (row->sunspec_count > 0)
        cli_cell(table, "%u.%s", row->sunspec[0].model, row->sunspec[0].point);
    else
        cli_cell(table, "%u", row->address);
}

static void cell_type(struct cli_table *table, const struct profile_row *row)
{
    const char *type = register_type_name(row->type);

    if (row->sunspec_count > 0)
        cli_cell(table, "by model");
    else if (row->bit_count > 0)
        cli_cell(table, "%s bits %d..%d", type, row->first_bit,
                 row->first_bit + row->bit_count - 1);
    else
        cli_cell(table, "%s", type);
}

static void cell_order(struct cli_table *table, const struct profile_row *row)
{
    bool told = row->sunspec_count == 0 && (register_type_words(row->type) > 1 ||
                                            row->order == ORDER_BADC || row->order == ORDER_DCBA);

    cli_cell(table, "%s", told ? ORDERS[row->order] : NOTHING);
}

static void cell_scale(struct cli_table *table, const struct profile_row *row)
{
    char offset[32] = "", power[32] = "";

    if (row->scaled)
        snprintf(power, sizeof(power), " x 10^[%u]", row->scale_address);
    if (row->offset < 0 || row->offset > 0)
        snprintf(offset, sizeof(offset), " %+.6g", row->offset);
    cli_cell(table, "%.6g%s%s", row->factor, power, offset);
}

static void cell_range(struct cli_table *table, double low, double high)
{
    if (isinf(low) && isinf(high))
        cli_cell(table, "%s", NOTHING);
    else if (isinf(high))
        cli_cell(table, "from %.6g", low);
    else if (isinf(low))
        cli_cell(table, "to %.6g", high);
    else
        cli_cell(table, "%.6g to %.6g", low, high);
}

static void cell_every(struct cli_table *table, const struct profile_row *row)
{
    char text[CLI_TEXT_ROOM];

    if (row->every_ms == 0)
        cli_cell(table, "tick");
    else
        cli_cell(table, "%s",
                 quantity_format((double)row->every_ms, DIMENSION_DURATION, text, sizeof(text)));
}

static void add_row(struct cli_table *table, const struct profile_row *row)
{
    const char *unit = unit_name(point_kind_unit(row->point));

    cli_cell(table, "%s", point_kind_name(row->point));
    cli_cell(table, "%s", TABLES[row->table]);
    cell_address(table, row);
    cell_type(table, row);
    cell_order(table, row);
    cell_scale(table, row);
    cli_cell(table, "%s", *unit ? unit : NOTHING);
    cell_range(table, row->low, row->high);
    cell_every(table, row);
    if (row->write.allowed)
        cell_range(table, row->write.low, row->write.high);
    else
        cli_cell(table, "%s", NOTHING);
}

static void print_header(const struct profile *profile)
{
    char text[LIMIT_ERROR_TEXT];

    snprintf(text, sizeof(text), "%s: %s %s (%s: %s)", profile->name, profile->maker,
             profile->model, profile_grade_name(profile->grade), profile->source);
    print_line(text);
}

static int show(const char *path)
{
    static const struct cli_column columns[] = {
        {"POINT", 'l'}, {"TABLE", 'l'}, {"ADDRESS", 'r'}, {"TYPE", 'l'},
        {"ORDER", 'l'}, {"SCALE", 'r'}, {"UNIT", 'l'},    {"RANGE", 'r'},
        {"EVERY", 'r'}, {"WRITE", 'r'}, {NULL, 0},
    };
    struct profile *profile = profile_room();
    struct findings findings = {.path = path};

    if (load(&findings, profile) < 0) {
        free(profile);
        return CLI_REFUSED;
    }
    print_header(profile);
    struct cli_table *table = cli_table_create(columns);
    for (int i = 0; i < profile->row_count; i++)
        add_row(table, &profile->rows[i]);
    cli_table_print(table, stdout);
    cli_table_destroy(table);
    free(profile);
    return 0;
}

int cli_profile(const struct cli_command *command, int argc, char **argv)
{
    bool strict = false, notes = false;
    const struct cli_option options[] = {
        {"strict", CLI_FLAG, &strict, NULL, "lint: warnings count as errors"},
        {"notes", CLI_FLAG, &notes, NULL, "lint: tell what is merely worth knowing, too"},
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 2, CLI_WORDS, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (!strcmp(operands.words[0], "lint"))
        return lint(&operands, strict, notes);
    if (!strcmp(operands.words[0], "show") && operands.count == 2)
        return show(operands.words[1]);
    return cli_usage(command, "expected lint FILE... or show FILE");
}
