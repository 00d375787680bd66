/* `tidewatt check`: validates a configuration without a daemon, or asks the broker what building
 * management describes. */
#include "controller/core/check.h"
#include "controller/base/log.h"
#include "tools/cli.h"

int cli_check(const struct cli_command *command, int argc, char **argv)
{
    bool json = false, discover = false, as_config = false;
    double most_ms = 0;
    const struct cli_option options[] = {
        {"json", CLI_FLAG, &json, NULL, "print the findings for programs"},
        {"discover", CLI_FLAG, &discover, NULL,
         "show what building management describes at the broker of the configuration"},
        {"for", CLI_DURATION, &most_ms, "DURATION",
         "with --discover: gather at most so long (else mqtt.onboard, or 5 s)"},
        {"config", CLI_FLAG, &as_config, NULL,
         "with --discover: print devices as text for a configuration"},
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (!discover && (as_config || most_ms > 0))
        return cli_usage(command, "--for and --config belong to --discover");
    if (discover && json)
        return cli_usage(command, "--discover has no --json: try --config");
    const char *path = operands.count ? operands.words[0] : "/etc/tidewatt/tidewatt.cfg";
    log_set_level(LOG_LEVEL_WARNING); /* that the broker answers shows in what it tells */
    int problems = discover ? core_discover(path, (int64_t)most_ms, as_config, stdout)
                            : core_check(path, stdout, json);
    return problems == 0 ? 0 : CLI_REFUSED;
}
