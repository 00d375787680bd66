/* A rolling-origin evaluation: the controller's forecaster walks through measured series, sees only
 * what had come by then, issues once a day, and is judged by what came after. */
#ifndef TIDEWATT_TOOLS_FORECAST_EVALUATE_H
#define TIDEWATT_TOOLS_FORECAST_EVALUATE_H

#include "tools/forecast/inputs.h"
#include "tools/forecast/metric.h"

enum { EVALUATION_DAYS = 4, EVALUATION_ALL = EVALUATION_DAYS /* all leads */ };

struct evaluation_request {
    bool series[FORECAST_SERIES];
    int64_t from_ms, to_ms; /* every issue since `from`, as long as its 96 h end by `to` */
    int32_t issue_hour;     /* UTC */
    struct forecaster_config site;
    /* Called with every forecast issued, also before `from`; NULL: nobody. */
    void (*issued)(void *context, const struct forecast *forecast);
    void *context;
};

struct series_evaluation {
    bool wanted;
    int64_t issues, silent;                      /* silent: nothing was forecast */
    struct metric lead_day[EVALUATION_DAYS + 1]; /* by day ahead; all */
    double rank;                                 /* sum over issues of the next day's correlation */
    int64_t ranked;
    double most;            /* of the whole series up to `to` */
    double least_magnitude; /* of what came in the test */
};

struct evaluation {
    struct series_evaluation series[FORECAST_SERIES];
};

/* Every series that has something measured; not the temperature, which is no measurement here. */
void evaluation_choose_all(const struct evaluation_inputs *inputs,
                           struct evaluation_request *request);

int evaluate(const struct evaluation_inputs *inputs, const struct evaluation_request *request,
             struct evaluation *ret_evaluation, struct error *error);

#endif
