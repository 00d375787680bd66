/* One series of one way the future may go. Private. */
#ifndef TIDEWATT_FORECAST_SCENARIO_H
#define TIDEWATT_FORECAST_SCENARIO_H

#include "controller/forecast/recall.h"

/* Past days that scenarios repeat, each taken both ways. */
enum { SCENARIO_DAYS = LIMIT_SCENARIOS / 2 };
extern const int32_t scenario_days_ago[SCENARIO_DAYS];

/* The forecast in force. */
struct scenario_source {
    struct forecast issued;
    float spread[FORECAST_STEPS]; /* of the steps of `issued`: unit of its errors */
};

/* The forecast in force as seen from `start_step` on, moved by `errors` (NULL: as it is) x sign
 * and kept within [least, most]. */
void scenario_write(const struct scenario_source *source, int64_t start_step, const float *errors,
                    float sign, float least, float most, float ret_value[FORECAST_STEPS]);

#endif
