/* Two curves; both are bounded so that no forecast of the weather makes cooling free or absurd. */
#include "controller/plant/cooling_model.h"

#include <math.h>

const double cooling_warm_c = 35;

static const double rated_c = 25;

double cooling_model_cop(const struct cooling_model *model, double temp_outdoor_c)
{
    double cop = model->cop * exp(-model->cop_per_k * (temp_outdoor_c - rated_c));
    return fmin(fmax(cop, 1), COOLING_COP_MOST);
}

double cooling_model_free_share(const struct cooling_model *model, double temp_outdoor_c)
{
    double span_k = model->free_above_c - model->free_below_c;
    if (span_k <= 0)
        return temp_outdoor_c < model->free_below_c ? 1 : 0;
    return fmin(fmax((model->free_above_c - temp_outdoor_c) / span_k, 0), 1);
}
