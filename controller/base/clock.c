/* The only place that reads the machine's clocks for site time. */
#include "controller/base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/base/utc.h"

static const double SPEED_MOST = 100000;

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

void clock_init_real(struct clock *clock)
{
    *clock = (struct clock){.speed = 1};
}

int clock_init_scaled(struct clock *clock, int64_t site_epoch_ms, int64_t wall_epoch_ms,
                      double speed, struct error *error)
{
    if (!(speed > 0 && speed <= SPEED_MOST))
        return error_set(error, ERROR_INVALID, "clock speed %g: choose one above 0 and up to %g",
                         speed, SPEED_MOST);
    /* Scaled time hangs on the monotonic clock, so that a step of the wall clock is not scaled. */
    int64_t wall_to_mono_ns = read_ns(CLOCK_MONOTONIC) - read_ns(CLOCK_REALTIME);
    *clock = (struct clock){
        .scaled = true,
        .speed = speed,
        .site_epoch_ms = site_epoch_ms,
        .mono_epoch_ns = wall_epoch_ms * INT64_C(1000000) + wall_to_mono_ns,
    };
    return 0;
}

int clock_parse(struct clock *clock, const char *text, struct error *error)
{
    static const char form[] = "SITE_UTC/WALL_UNIX_SECONDS/SPEED, "
                               "e.g. 2026-06-15T00:00:00Z/1763764000.5/720";
    char site[UTC_TEXT];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof site)
        return error_set(error, ERROR_INVALID, "clock \"%s\": write it as %s", text, form);
    memcpy(site, text, (size_t)(slash - text));
    site[slash - text] = '\0';
    int64_t site_ms;
    if (utc_parse(site, &site_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "clock");
    char *end;
    double wall_s = strtod(slash + 1, &end);
    double speed = *end == '/' ? strtod(end + 1, &end) : NAN;
    if (*end != '\0' || !isfinite(wall_s) || fabs(wall_s) > 1e11 || !isfinite(speed))
        return error_set(error, ERROR_INVALID, "clock \"%s\": write it as %s", text, form);
    return clock_init_scaled(clock, site_ms, (int64_t)(wall_s * 1000), speed, error);
}

int64_t clock_now_ms(const struct clock *clock)
{
    if (!clock->scaled)
        return read_ns(CLOCK_REALTIME) / 1000000;
    double real_ms = (double)(clock_mono_ns() - clock->mono_epoch_ns) / 1e6;
    return clock->site_epoch_ms + (int64_t)floor(real_ms * clock->speed);
}

int64_t clock_real_ms(const struct clock *clock, int64_t site_ms)
{
    if (site_ms <= 0)
        return 0;
    double real_ms = ceil((double)site_ms / clock->speed);
    return real_ms < 1 ? 1 : (int64_t)real_ms;
}
