/* `tidewatt mode`: how much each subsystem may do by itself. */
#include "tools/cli.h"
#include "tools/cli_table.h"

static int show(const struct cli_common *common)
{
    static const struct cli_column columns[] = {{"SUBSYSTEM", 'l'}, {"MODE", 'l'}, {NULL, 0}};
    struct cli_table *table;
    const char *name;
    json_t *mode, *status;
    int code = 0;

    status = cli_ask(common, json_pack("{s:s}", "do", "status"), &code);
    if (!status)
        return code;
    table = cli_table_create(columns);
    json_object_foreach(json_object_get(status, "modes"), name, mode)
    {
        cli_cell(table, "%s", name);
        cli_cell(table, "%s", cli_word(mode));
    }
    if (!common->json)
        cli_table_print(table, stdout);
    cli_table_destroy(table);
    json_decref(status);
    return 0;
}

static int change(const struct cli_common *common, const char *subsystem, const char *mode)
{
    int code = 0;
    json_t *reply = cli_ask(
        common, json_pack("{s:s, s:s, s:s}", "do", "mode", "subsystem", subsystem, "mode", mode),
        &code);

    if (!reply)
        return code;
    if (!common->json)
        printf("%s: %s\n", subsystem, mode);
    json_decref(reply);
    return 0;
}

int cli_mode(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {CLI_COMMON_OPTIONS(common), CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 2, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (operands.count == 1)
        return cli_usage(command, "which mode: observe, advise or control?");
    if (operands.count == 0)
        return show(&common);
    return change(&common, operands.words[0], operands.words[1]);
}
