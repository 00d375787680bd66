/* The command-line tool: one program, one word a command. It asks the daemon over its local
 * socket and shows the answer to people, or passes it on to programs (--json). */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

static int cli_version(const struct cli_command *command, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {"json", CLI_FLAG, &json, NULL, "print the version as JSON"}, CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);

    if (code == CLI_GO_ON)
        printf(json ? "{\"version\":\"%s\"}\n" : "tidewatt %s\n", TIDEWATT_VERSION);
    return code == CLI_GO_ON ? 0 : code;
}

static int cli_help(const struct cli_command *command, int argc, char **argv);

static const struct cli_command commands[] = {
    {"status", "[DEVICE]",
     "Shows the site, its devices, power, PUE, jobs and plan; with --points each value", cli_status},
    {"plan", NULL, "Shows the plan in force: energy by slot, and when and why each job runs",
     cli_plan},
    {"jobs", NULL, "Lists the jobs that have not ended", cli_jobs},
    {"submit", "-- COMMAND...", "Submits a job and prints its number", cli_submit},
    {"cancel", "ID", "Cancels a job", cli_cancel},
    {"mode", "[SUBSYSTEM MODE]",
     "Shows the modes, or sets jobs, battery or cooling to observe, advise or control", cli_mode},
    {"check", "[CONFIG]",
     "Validates a configuration and its profiles (default /etc/tidewatt/tidewatt.cfg)", cli_check},
    {"probe", "[HOST[:PORT]]",
     "Tries a Modbus device against a profile, or lists its SunSpec models; never writes",
     cli_probe},
    {"profile", "lint FILE... | show FILE",
     "Checks device profiles, or shows one as a table", cli_profile},
    {"backtest", NULL,
     "Runs a site over historical series by several policies, side by side", cli_backtest},
    {"forecast", "[now]",
     "Shows forecasts, what was believed and came, and scores; --evaluate measures on files",
     cli_forecast},
    {"version", NULL, "Prints the version of this tool", cli_version},
    {"help", "[COMMAND]", "Explains a command", cli_help},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct cli_command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

static void overview(FILE *out)
{
    fprintf(out, "Usage: tidewatt COMMAND [OPTION]...\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\n\"tidewatt COMMAND --help\" lists its options. Exit status: 0 done, %d refused, "
            "%d wrong usage, %d no daemon.\n",
            CLI_REFUSED, CLI_USAGE, CLI_NO_DAEMON);
}

static int unknown(const char *name)
{
    fprintf(stderr, "tidewatt: unknown command \"%s\"\n\n", name);
    overview(stderr);
    return CLI_USAGE;
}

static int cli_help(const struct cli_command *command, int argc, char **argv)
{
    static char help[] = "--help";
    const struct cli_option options[] = {CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);
    const struct cli_command *topic;

    if (code != CLI_GO_ON)
        return code;
    if (operands.count == 0) {
        overview(stdout);
        return 0;
    }
    topic = find(operands.words[0]);
    if (!topic)
        return unknown(operands.words[0]);
    return topic->run(topic, 2, (char *[]){argv[0], help, NULL});
}

int main(int argc, char **argv)
{
    const struct cli_command *command;

    if (argc < 2) {
        overview(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        overview(stdout);
        return 0;
    }
    command = find(!strcmp(argv[1], "--version") ? "version" : argv[1]);
    return command ? command->run(command, argc - 1, argv + 1) : unknown(argv[1]);
}
