/* How the models of one series have done lately, lead by lead, and what each of them weighs.
 * Private. */
#ifndef TIDEWATT_FORECAST_TOURNAMENT_H
#define TIDEWATT_FORECAST_TOURNAMENT_H

#include "controller/forecast/forecast.h"

/* Errors of a model beside those of the first one on the very same hours. */
struct contender {
    double count, error, reference;
};

struct tournament {
    struct contender contender[SCORE_LEADS][FORECAST_MODELS];
};

/* What was said of one step and what came; NAN: a model had nothing to say. The first always has.
 */
void tournament_judge(struct tournament *tournament, int lead, const float point[FORECAST_MODELS],
                      double observed);
/* Another one takes the place of the model. */
void tournament_forget(struct tournament *tournament, int model);
/* Weights of a lead add up to 1. Who never took part has none. */
void tournament_weights(const struct tournament *tournament, int lead,
                        double ret_weight[FORECAST_MODELS]);
/* Mean absolute error relative to that of the first model; 1 when too little is known. */
double tournament_ratio(const struct tournament *tournament, int lead, int model);

#endif
