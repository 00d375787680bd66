/* tidewatt-twin: a 1 MW training hall behind real protocols. Wires the plant's physics to the
 * site clock, the Modbus server, the building-management MQTT client and the truth file. */
#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/utc.h"
#include "tools/twin/bms_mqtt.h"
#include "tools/twin/faults.h"
#include "tools/twin/history.h"
#include "tools/twin/modbus_server.h"
#include "tools/twin/options.h"
#include "tools/twin/truth.h"

enum {
    STEP_LEAST_MS = 1000, /* site time */
    STEP_MOST_MS = 60000, /* weather and jobs count as constant for so long at most */
    STEP_REAL_MS = 20,
    WAIT_MOST_MS = 200,      /* real time: also how long a signal may take */
    LATE_START_MS = 3600000, /* a twin that starts later than this after the site epoch
                                begins now instead of making up for it */
};

struct settings {
    const char *site, *profile_folder, *clock_text;
    const char *mqtt, *truth_path, *history_path;
    const char *grid_path, *price_path, *weather_path;
    int64_t base_port, seed, start_ms, data_from_ms, history_days, value_every_ms;
    double speed, latitude_deg, longitude_deg, soc_pct, cold_pct;
    struct option_list faults;
};

struct twin {
    struct settings settings;
    struct clock clock;
    int64_t step_ms;
    struct faults faults;
    struct profile profiles[TWIN_DEVICES];
    struct exogenous exogenous;
    struct outside outside; /* at the plant's time */
    struct plant plant;
    struct jobs jobs;
    struct truth truth;
    struct modbus_server *server;
    struct bms_mqtt *bms; /* NULL: no broker */
};

static const int64_t NOT_GIVEN = INT64_MIN;

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

/* Running */

static int64_t step_end_ms(const struct twin *twin, int64_t now_ms)
{
    int64_t at_ms = twin->plant.time_ms;
    int64_t minute_ms = utc_floor(at_ms, MINUTE_MS) + MINUTE_MS;
    int64_t end_ms = at_ms + twin->step_ms;

    end_ms = end_ms < minute_ms ? end_ms : minute_ms;
    return end_ms < now_ms ? end_ms : now_ms;
}

static void step(struct twin *twin, int64_t end_ms)
{
    const struct outside *outside = &twin->outside;
    struct plant_input input;
    struct error error;

    exogenous_at(&twin->exogenous, twin->plant.time_ms, &twin->outside);
    input.outdoor_c = outside->temp_outdoor_c;
    input.irradiance_w_m2 = outside->irradiance_w_m2;
    input.wind_m_s = outside->wind_m_s;
    input.base_it_w = outside->base_it_w;
    jobs_rack_power(&twin->jobs, input.rack_job_w);
    plant_step(&twin->plant, &input, end_ms);
    if (end_ms % MINUTE_MS == 0 &&
        truth_write(&twin->truth, &twin->plant, twin->jobs.count, &error) < 0)
        log_error("%s", error.text);
}

/* Brings the plant up to the site clock: however late the process is, no time is left out. */
static void advance(struct twin *twin)
{
    int64_t now_ms = clock_now_ms(&twin->clock);

    while (twin->plant.time_ms < now_ms)
        step(twin, step_end_ms(twin, now_ms));
}

static void show_registers(void *context, int device, struct registers *registers)
{
    struct twin *twin = context;

    advance(twin);
    for (int row = 0; row < registers->profile->row_count; row++)
        registers_show(registers, row,
                       twin_device_value(&twin->plant, &twin->outside, device,
                                         registers->profile->rows[row].point));
}

static void take_set_point(void *context, int device, enum point_kind kind, double value)
{
    struct twin *twin = context;

    twin_device_set(&twin->plant, device, kind, value);
}

static bool device_silent(void *context, int device)
{
    const struct twin *twin = context;

    return faults_silent(&twin->faults, device, clock_now_ms(&twin->clock));
}

static void run(struct twin *twin)
{
    int wait_ms = (int)clock_real_ms(&twin->clock, twin->step_ms);

    if (wait_ms > WAIT_MOST_MS)
        wait_ms = WAIT_MOST_MS;
    while (!stop_asked) {
        if (twin->bms != NULL)
            bms_mqtt_take_jobs(twin->bms, &twin->jobs);
        advance(twin);
        if (twin->bms != NULL)
            bms_mqtt_publish(twin->bms, &twin->plant, &twin->outside);
        modbus_server_run(twin->server, wait_ms);
    }
}

/* Setting up */

static int check_site(const char *site, struct error *error)
{
    size_t length = strlen(site);

    if (length > 0 && length < LIMIT_NAME &&
        strspn(site, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "--site %s: use lower-case letters, digits, - and _, at most %d", site,
                     LIMIT_NAME - 1);
}

static int init_clock(struct twin *twin, struct error *error)
{
    const struct settings *settings = &twin->settings;
    struct timespec wall;
    int64_t wall_ms;

    if (settings->clock_text != NULL)
        return clock_parse(&twin->clock, settings->clock_text, error);
    if (settings->start_ms == NOT_GIVEN && settings->speed == 1) {
        clock_init_real(&twin->clock);
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    wall_ms = wall.tv_sec * (int64_t)SECOND_MS + wall.tv_nsec / 1000000;
    return clock_init_scaled(&twin->clock,
                             settings->start_ms == NOT_GIVEN ? wall_ms : settings->start_ms,
                             wall_ms, settings->speed, error);
}

/* Site time at which the plant begins. */
static int64_t begin_ms(const struct twin *twin)
{
    int64_t now_ms = clock_now_ms(&twin->clock);

    if (!twin->clock.scaled || now_ms > twin->clock.site_epoch_ms + LATE_START_MS)
        return now_ms;
    return twin->clock.site_epoch_ms;
}

static int64_t choose_step_ms(const struct twin *twin)
{
    double step_ms = STEP_REAL_MS * twin->clock.speed;

    return (int64_t)fmin(STEP_MOST_MS, fmax(STEP_LEAST_MS, step_ms));
}

static int init_exogenous(struct twin *twin, int64_t start_ms, struct error *error)
{
    const struct settings *settings = &twin->settings;
    struct exogenous_config config = {
        .seed = (uint64_t)settings->seed,
        .latitude_deg = settings->latitude_deg,
        .longitude_deg = settings->longitude_deg,
        .grid_path = settings->grid_path,
        .price_path = settings->price_path,
        .weather_path = settings->weather_path,
        .start_ms = start_ms,
    };

    if (settings->data_from_ms != NOT_GIVEN)
        config.data_shift_ms = settings->data_from_ms - start_ms;
    return exogenous_init(&twin->exogenous, &config, error);
}

static void tell_bridges(const struct twin *twin)
{
    char text[LIMIT_ERROR_TEXT];

    if (exogenous_bridged(&twin->exogenous, text, sizeof(text))[0] != '\0')
        log_warning("%s: the values around stand in, here and in gaps that follow", text);
}

static void note_problem(void *context, const char *text)
{
    (void)context;
    log_error("%s", text);
}

/* Every row of the profile must be something that the device has. */
static int check_profile(const struct twin *twin, int device, const char *path, struct error *error)
{
    const struct profile *profile = &twin->profiles[device];

    for (int i = 0; i < profile->row_count; i++)
        if (isnan(twin_device_value(&twin->plant, &twin->outside, device, profile->rows[i].point)))
            return error_set(error, ERROR_INVALID, "%s: the twin's %s has no %s", path,
                             twin_devices[device].name, point_kind_name(profile->rows[i].point));
    return 0;
}

static int load_profiles(struct twin *twin, struct error *error)
{
    char path[LIMIT_PATH];
    int result = 0;

    for (int i = 0; result == 0 && i < TWIN_DEVICES; i++) {
        snprintf(path, sizeof(path), "%s/%s.cfg", twin->settings.profile_folder,
                 twin_devices[i].profile);
        if (profile_load(path, &twin->profiles[i], NULL, note_problem, NULL) < 0)
            return error_set(error, ERROR_INVALID, "%s cannot be used for %s", path,
                             twin_devices[i].name);
        result = check_profile(twin, i, path, error);
    }
    return result;
}

static int start_server(struct twin *twin, struct error *error)
{
    const struct profile *profiles[TWIN_DEVICES];
    const struct modbus_server_hooks hooks = {
        .refresh = show_registers,
        .written = take_set_point,
        .silent = device_silent,
        .context = twin,
    };

    for (int i = 0; i < TWIN_DEVICES; i++)
        profiles[i] = &twin->profiles[i];
    return modbus_server_create((uint16_t)twin->settings.base_port, profiles, &hooks, &twin->server,
                                error);
}

static int start_bms(struct twin *twin, struct error *error)
{
    const char *text = twin->settings.mqtt;
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    struct bms_mqtt_config config = {
        .site = twin->settings.site,
        .value_every_ms = twin->settings.value_every_ms > twin->step_ms
                              ? twin->settings.value_every_ms
                              : twin->step_ms,
    };
    char host[LIMIT_NAME], *end;
    long port;

    if (text == NULL)
        return 0;
    port = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
    if (colon == text || port < 1 || port > 65535 || *end != '\0' ||
        (size_t)(colon - text) >= sizeof(host))
        return error_set(error, ERROR_INVALID, "--mqtt %s: write HOST:PORT", text);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    config.host = host;
    config.port = (uint16_t)port;
    return bms_mqtt_create(&config, &twin->bms, error);
}

static int write_history(struct twin *twin, struct error *error)
{
    const struct settings *settings = &twin->settings;

    if (settings->history_path == NULL)
        return 0;
    return history_write(settings->history_path, &twin->exogenous, twin->plant.time_ms,
                         settings->history_days, error);
}

static int start(struct twin *twin, struct error *error)
{
    const struct settings *settings = &twin->settings;
    int result;

    if ((result = check_site(settings->site, error)) < 0 ||
        (result = faults_parse(&twin->faults, &settings->faults, error)) < 0 ||
        (result = init_clock(twin, error)) < 0)
        return result;
    twin->step_ms = choose_step_ms(twin);
    plant_init(&twin->plant, (uint64_t)settings->seed, begin_ms(twin), settings->soc_pct / 100);
    tank_init(&twin->plant.cooling.tank, settings->cold_pct / 100);
    if ((result = init_exogenous(twin, twin->plant.time_ms, error)) < 0)
        return result;
    exogenous_at(&twin->exogenous, twin->plant.time_ms, &twin->outside);
    if ((result = load_profiles(twin, error)) < 0 || (result = write_history(twin, error)) < 0 ||
        (result = truth_open(&twin->truth, settings->truth_path, error)) < 0 ||
        (result = truth_write(&twin->truth, &twin->plant, 0, error)) < 0 ||
        (result = start_server(twin, error)) < 0)
        return result;
    return start_bms(twin, error);
}

static void finish(struct twin *twin)
{
    bms_mqtt_destroy(twin->bms);
    modbus_server_destroy(twin->server);
    truth_close(&twin->truth);
    exogenous_finish(&twin->exogenous);
}

static int read_settings(struct settings *settings, int argc, char **argv, struct error *error)
{
    const struct option_row table[] = {
        {"site", OPTION_TEXT, "NAME", "site name in MQTT topics (training-hall)", &settings->site,
         0, 0},
        {"base-port", OPTION_INTEGER, "BASE", "devices listen on BASE+1 to BASE+18 (15000)",
         &settings->base_port, 1, 65535 - TWIN_DEVICES},
        {"profiles", OPTION_TEXT, "FOLDER", "device profiles (config/profiles)",
         &settings->profile_folder, 0, 0},
        {"clock", OPTION_TEXT, "CLOCK", "site clock SITE_ISO/WALL_UNIX_SECONDS/SPEED",
         &settings->clock_text, 0, 0},
        {"start", OPTION_TIME, "ISO", "instead of --clock: site time now", &settings->start_ms, 0,
         0},
        {"speed", OPTION_NUMBER, "FACTOR", "instead of --clock: site seconds a real second (1)",
         &settings->speed, 1e-3, 1e5},
        {"seed", OPTION_INTEGER, "N", "of all that is random (1)", &settings->seed, 0, 1e15},
        {"mqtt", OPTION_TEXT, "HOST:PORT", "broker of the building management (without it no MQTT)",
         &settings->mqtt, 0, 0},
        {"value-every", OPTION_DURATION, "TIME", "site time between values on MQTT (10 s)",
         &settings->value_every_ms, 0, DAY_MS},
        {"truth", OPTION_TEXT, "FILE", "write the true energies, a row each site minute",
         &settings->truth_path, 0, 0},
        {"history", OPTION_TEXT, "FILE", "write the past as time_utc,series,value",
         &settings->history_path, 0, 0},
        {"history-days", OPTION_INTEGER, "N", "days of past (21)", &settings->history_days, 1,
         3660},
        {"grid", OPTION_TEXT, "CSV", "carbon intensity: time_utc,carbon_direct_g_per_kwh",
         &settings->grid_path, 0, 0},
        {"price", OPTION_TEXT, "CSV", "energy price: time_local,price_eur_per_mwh",
         &settings->price_path, 0, 0},
        {"weather", OPTION_TEXT, "CSV", "issue_utc,lead_h,temp_c,ghi_w_m2,wind_m_s",
         &settings->weather_path, 0, 0},
        {"data-from", OPTION_TIME, "ISO", "time in the CSV series at the start (the site's own)",
         &settings->data_from_ms, 0, 0},
        {"latitude", OPTION_NUMBER, "DEGREES", "of the site (37.4)", &settings->latitude_deg, -90,
         90},
        {"longitude", OPTION_NUMBER, "DEGREES", "of the site, east positive (-6)",
         &settings->longitude_deg, -180, 180},
        {"soc", OPTION_NUMBER, "PERCENT", "battery state of charge at the start (50)",
         &settings->soc_pct, 0, 100},
        {"cold", OPTION_NUMBER, "PERCENT", "charge of the chilled-water tank at the start (50)",
         &settings->cold_pct, 0, 100},
        {"fault", OPTION_LIST, "FAULT", "NAME:silent:FROM:TO, site times; may be repeated",
         &settings->faults, 0, 0},
        {0},
    };

    return options_parse(table, "tidewatt-twin",
                         "A digital twin of a 1 MW training hall: Modbus TCP on 127.0.0.1 and "
                         "building management over MQTT.",
                         argc, argv, error);
}

int main(int argc, char **argv)
{
    static struct twin twin = {
        .settings = {.site = "training-hall",
                     .profile_folder = "config/profiles",
                     .base_port = 15000,
                     .seed = 1,
                     .start_ms = INT64_MIN,
                     .data_from_ms = INT64_MIN,
                     .history_days = 21,
                     .value_every_ms = 10 * SECOND_MS,
                     .speed = 1,
                     .latitude_deg = 37.4,
                     .longitude_deg = -6,
                     .soc_pct = 50,
                     .cold_pct = 50},
    };
    const struct sigaction stopping = {.sa_handler = on_signal};
    char start_text[UTC_TEXT];
    struct error error;
    int result = read_settings(&twin.settings, argc, argv, &error);

    if (result == OPTIONS_HELP_SHOWN)
        return EXIT_SUCCESS;
    sigaction(SIGTERM, &stopping, NULL);
    sigaction(SIGINT, &stopping, NULL);
    if (result == 0)
        result = start(&twin, &error);
    if (result == 0) {
        log_info("%s: 127.0.0.1 ports %d to %d, site time %s, speed %g", twin.settings.site,
                 (int)twin.settings.base_port + 1, (int)twin.settings.base_port + TWIN_DEVICES,
                 utc_format(twin.plant.time_ms, start_text), twin.clock.speed);
        tell_bridges(&twin);
        run(&twin);
    } else {
        log_error("%s", error.text);
    }
    finish(&twin);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
