/* See truth.h. */
#include "tools/twin/truth.h"

#include <errno.h>
#include <string.h>

#include "controller/base/utc.h"

static const struct {
    const char *name;
    enum flow flow;
} COLUMNS[] = {
    {"import", FLOW_IMPORT},
    {"export", FLOW_EXPORT},
    {"pv", FLOW_PV},
    {"wind", FLOW_WIND},
    {"charge", FLOW_CHARGE},
    {"discharge", FLOW_DISCHARGE},
    {"facility", FLOW_FACILITY},
    {"it", FLOW_IT},
    {"ups_output", FLOW_UPS_OUTPUT},
    {"cooling", FLOW_COOLING},
    {"auxiliary", FLOW_AUXILIARY},
    {"distribution", FLOW_DISTRIBUTION},
    {"heat", FLOW_HEAT},
    {"chiller_heat", FLOW_CHILLER_HEAT},
    {"tank_charge", FLOW_TANK_CHARGE},
    {"tank_discharge", FLOW_TANK_DISCHARGE},
    {"tank_loss", FLOW_TANK_LOSS},
};
enum { COLUMN_COUNT = sizeof(COLUMNS) / sizeof(COLUMNS[0]) };

int truth_open(struct truth *truth, const char *path, struct error *error)
{
    *truth = (struct truth){.path = path};
    if (path == NULL)
        return 0;
    truth->file = fopen(path, "we");
    if (truth->file == NULL)
        return error_set(error, ERROR_SYSTEM, "--truth %s: %s", path, strerror(errno));
    fputs("time_utc", truth->file);
    for (int i = 0; i < COLUMN_COUNT; i++)
        fprintf(truth->file, ",%s", COLUMNS[i].name);
    fputs(",soc_wh,cold_wh,jobs_running,max_import_w\n", truth->file);
    return 0;
}

int truth_write(struct truth *truth, struct plant *plant, int jobs_running, struct error *error)
{
    char time[UTC_TEXT];

    if (truth->file == NULL)
        return 0;
    fputs(utc_format(plant->time_ms, time), truth->file);
    for (int i = 0; i < COLUMN_COUNT; i++)
        fprintf(truth->file, ",%.6f", plant->energy_wh[COLUMNS[i].flow]);
    fprintf(truth->file, ",%.3f,%.3f,%d,%.1f\n", plant->battery.soc_wh, plant->cooling.tank.cold_wh,
            jobs_running, plant_take_peak(plant));
    if (fflush(truth->file) != 0)
        return error_set(error, ERROR_SYSTEM, "%s: %s", truth->path, strerror(errno));
    return 0;
}

void truth_close(struct truth *truth)
{
    if (truth->file != NULL)
        fclose(truth->file);
    truth->file = NULL;
}
