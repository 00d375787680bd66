/* Where all jobs of a schedule were: packed, because most have few of the runs they may have. */
#include <stdlib.h>
#include <string.h>

#include "controller/plan/schedule.h"

struct place {
    int32_t site, group, run_count;
};

struct snapshot {
    struct room room;
    double *jobs_kw;
    struct place *places;
    struct plan_run *runs;
    size_t run_room;
};

static size_t cells_of(const struct workload *load)
{
    return (size_t)load->site_count * (size_t)load->slot_count;
}

struct snapshot *snapshot_create(const struct workload *load)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return NULL;
    snapshot->jobs_kw = calloc(cells_of(load), sizeof(double));
    snapshot->places = calloc((size_t)load->count + 1, sizeof(*snapshot->places));
    if (room_init(&snapshot->room, load) && snapshot->jobs_kw && snapshot->places)
        return snapshot;
    snapshot_destroy(snapshot);
    return NULL;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    room_finish(&snapshot->room);
    free(snapshot->jobs_kw);
    free(snapshot->places);
    free(snapshot->runs);
    free(snapshot);
}

static bool make_room(struct snapshot *snapshot, const struct schedule *schedule)
{
    size_t needed = 1;
    for (int32_t i = 0; i < schedule->load->count; i++)
        needed += (size_t)schedule->jobs[i].run_count;
    if (needed <= snapshot->run_room)
        return true;
    needed += needed / 4;
    struct plan_run *runs = realloc(snapshot->runs, needed * sizeof(*runs));
    if (!runs)
        return false;
    snapshot->runs = runs;
    snapshot->run_room = needed;
    return true;
}

bool snapshot_take(struct snapshot *snapshot, const struct schedule *schedule)
{
    if (!make_room(snapshot, schedule))
        return false;
    struct plan_run *next = snapshot->runs;
    for (int32_t i = 0; i < schedule->load->count; i++) {
        const struct plan_job *job = &schedule->jobs[i];
        snapshot->places[i] = (struct place){job->site, job->group, job->run_count};
        memcpy(next, job->runs, (size_t)job->run_count * sizeof(*next));
        next += job->run_count;
    }
    memcpy(snapshot->jobs_kw, schedule->jobs_kw, cells_of(schedule->load) * sizeof(double));
    room_copy(&snapshot->room, &schedule->room);
    return true;
}

void snapshot_restore(const struct snapshot *snapshot, struct schedule *schedule)
{
    const struct plan_run *next = snapshot->runs;
    for (int32_t i = 0; i < schedule->load->count; i++) {
        struct plan_job *job = &schedule->jobs[i];
        const struct place *place = &snapshot->places[i];
        job->site = place->site;
        job->group = place->group;
        job->run_count = place->run_count;
        memcpy(job->runs, next, (size_t)place->run_count * sizeof(*next));
        next += place->run_count;
    }
    memcpy(schedule->jobs_kw, snapshot->jobs_kw, cells_of(schedule->load) * sizeof(double));
    room_copy(&schedule->room, &snapshot->room);
}
