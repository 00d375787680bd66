/* `tidewatt check`: validates a configuration without a daemon. */
#include "controller/core/check.h"
#include "tools/cli.h"

int cli_check(const struct cli_command *command, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {"json", CLI_FLAG, &json, NULL, "print the findings for programs"}, CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);

    if (code != CLI_GO_ON)
        return code;
    return core_check(operands.count ? operands.words[0] : "/etc/tidewatt/tidewatt.cfg", stdout,
                      json) == 0
               ? 0
               : CLI_REFUSED;
}
