/* What goes wrong in a site day, as data: each fault holds for its time. */
#ifndef TIDEWATT_TESTS_SIM_FAULTS_H
#define TIDEWATT_TESTS_SIM_FAULTS_H

#include "controller/core/cycle.h"
#include "tools/twin/exogenous.h"
#include "tools/twin/physics.h"

enum fault_kind {
    FAULT_SILENT,      /* the device tells nothing and takes nothing */
    FAULT_GRID_LIMIT,  /* the grid allows `value` W of import */
    FAULT_GRID_SILENT, /* its master is not heard */
    FAULT_OUTSIDE,     /* the series is off by `value` (of PV and wind: times `value`), against all
                          that history says */
    FAULT_FORECAST,    /* a forecast comes from outside that says `value` for the series */
    FAULT_DERATED,     /* the battery offers `value` of its rating */
    FAULT_LEAK,        /* hot air gets past the containment: racks are `value` K warmer */
    FAULT_FADED,       /* at its beginning the battery finds `value` of its capacity gone */
    FAULT_KINDS
};

struct site_fault {
    enum fault_kind kind;
    const char *device;
    enum forecast_series series;
    int64_t from_ms, to_ms;
    double value;
    bool struck; /* FADED: it has happened */
};

enum { FAULTS = 32 };
struct fault_list {
    struct site_fault list[FAULTS];
    int count;
    struct forecast provided[FORECAST_SERIES]; /* what the faults of now make of it */
    int provided_count;
    double faded_wh; /* lost so far */
};

/* A full table refuses: the caller's mistake. */
void faults_add(struct fault_list *faults, const struct site_fault *fault);
bool faults_silence(const struct fault_list *faults, const char *device, int64_t now_ms);
/* INFINITY: no limit; NAN: the master is silent. */
double faults_grid_limit_w(const struct fault_list *faults, int64_t now_ms);
/* The limit that is known, silent master or not. */
double faults_known_limit_w(const struct fault_list *faults, int64_t now_ms);
void faults_move_outside(const struct fault_list *faults, int64_t now_ms, struct outside *outside);
void faults_strike_plant(struct fault_list *faults, int64_t now_ms, struct plant *plant);
/* Fills `provided`. */
void faults_provide(struct fault_list *faults, int64_t now_ms);
void fault_describe(const struct site_fault *fault, int64_t start_ms, char *ret_text, size_t size);

#endif
