/* tidewattd: options, configuration, then the loop. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/log.h"
#include "controller/core/check.h"
#include "controller/core/daemon.h"
#include "controller/core/onboard.h"

static const char usage[] =
    "usage: tidewattd [--config FILE] [--clock SITE/WALL/SPEED] [--verbose]\n"
    "       tidewattd --check [--config FILE]\n"
    "\n"
    "The controller of one site. It starts in the modes of its configuration (observe unless set\n"
    "otherwise) and serves the command-line tool on a local socket.\n"
    "\n"
    "  -c, --config FILE   configuration (default /etc/tidewatt/tidewatt.cfg)\n"
    "      --clock TEXT    scaled site time, e.g. 2026-06-15T00:00:00Z/1763764000.5/720: site "
    "time,\n"
    "                      the Unix time at which it was that time, site seconds per real second\n"
    "      --check         validate the configuration and exit\n"
    "  -v, --verbose       say more\n"
    "      --version       print the version and exit\n"
    "  -h, --help          print this and exit\n";

struct options {
    const char *config_path;
    struct clock clock;
    bool check;
};

/* What came of it. */
struct onboarding {
    bool asked, renewed;
    struct error text;
};

enum { OPTION_CLOCK = 256, OPTION_CHECK, OPTION_VERSION };

static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                             {"clock", required_argument, NULL, OPTION_CLOCK},
                                             {"check", no_argument, NULL, OPTION_CHECK},
                                             {"verbose", no_argument, NULL, 'v'},
                                             {"version", no_argument, NULL, OPTION_VERSION},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

/* -1: go on; else the exit status. */
static int take_option(int letter, struct options *options)
{
    struct error error;
    switch (letter) {
    case 'c':
        options->config_path = optarg;
        return -1;
    case OPTION_CLOCK:
        if (clock_parse(&options->clock, optarg, &error) == 0)
            return -1;
        fprintf(stderr, "tidewattd: %s\n", error.text);
        return 2;
    case OPTION_CHECK:
        options->check = true;
        return -1;
    case 'v':
        log_set_level(LOG_LEVEL_DEBUG);
        return -1;
    case OPTION_VERSION:
        printf("tidewattd %s\n", TIDEWATT_VERSION);
        return 0;
    case 'h':
        fputs(usage, stdout);
        return 0;
    default:
        fputs(usage, stderr);
        return 2;
    }
}

static int parse(int argc, char **argv, struct options *ret_options)
{
    *ret_options = (struct options){.config_path = "/etc/tidewatt/tidewatt.cfg"};
    clock_init_real(&ret_options->clock);
    int letter;
    while ((letter = getopt_long(argc, argv, "c:vh", long_options, NULL)) != -1) {
        int status = take_option(letter, ret_options);
        if (status >= 0)
            return status;
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "tidewattd: unexpected argument \"%s\"\n%s", argv[optind], usage);
    return 2;
}

static void note(void *context, const char *text)
{
    (void)context;
    log_error("%s", text);
}

static void warn(void *context, const char *text)
{
    (void)context;
    log_warning("%s", text);
}

static int load(const struct options *options, struct config **ret_config)
{
    struct error error;
    int result = configuration_load(options->config_path, ret_config, note, NULL, &error);
    if (result < 0)
        log_error("not started: %s (try: tidewatt check %s)", error.text, options->config_path);
    return result;
}

/* The configuration anew, with what building management describes now. */
static int onboard(const struct options *options, struct config **config, struct onboarding *told)
{
    told->asked = (*config)->values.onboard_ms > 0;
    if (!told->asked)
        return 0;
    told->renewed = onboard_renew(*config, &told->text) == 0;
    configuration_destroy(*config);
    *config = NULL;
    return load(options, config);
}

static int serve(const struct options *options)
{
    struct config *config = NULL;
    struct daemon *daemon;
    struct onboarding told;
    struct error error;
    if (load(options, &config) < 0 || onboard(options, &config, &told) < 0)
        return 1;
    configuration_warn(config, warn, NULL);
    int result = daemon_create(config, &options->clock, &daemon, &error);
    if (result < 0) {
        log_error("not started: %s", error.text);
    } else {
        if (told.asked)
            daemon_tell_onboarding(daemon, told.renewed, told.text.text);
        daemon_run(daemon);
        daemon_destroy(daemon);
    }
    configuration_destroy(config);
    return result < 0;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    if (options.check)
        return core_check(options.config_path, stdout, false) ? 1 : 0;
    return serve(&options);
}
