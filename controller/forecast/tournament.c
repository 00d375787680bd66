/* Weights fall exponentially with the error relative to the best one: models that are equally good
 * are averaged, which is better than any of them; one that is clearly worse has no say. One bad
 * hour is no verdict: its error counts as a few times that of the first model at most. */
#include "controller/forecast/tournament.h"

#include <math.h>

static const double FADE = 0.99904;     /* of a judged value: half in 45 days of 16 */
static const double LEAST_COUNT = 48.0; /* judged values, to take part */
static const double SHARPNESS = 20.0;   /* 5 % worse than the best: weighs a third */
static const double LEAST_SHARE = 0.02; /* of the best one's weight; less is none */
static const double CAP = 6.0;          /* of the usual error of the first model */
static const double RATIO_LEAST = 1e-3, RATIO_MOST = 1e3;

void tournament_judge(struct tournament *tournament, int lead, const float point[FORECAST_MODELS],
                      double observed)
{
    double reference = fabs((double)point[0] - observed);
    for (int model = 0; model < FORECAST_MODELS; model++) {
        struct contender *contender = &tournament->contender[lead][model];
        double error = fabs((double)point[model] - observed);
        if (isnan(error) || isnan(reference))
            continue;
        double cap = CAP * fmax(reference, contender->reference / fmax(contender->count, 1.0));
        if (contender->count >= LEAST_COUNT && cap > 0.0)
            error = fmin(error, cap);
        contender->count = contender->count * FADE + 1.0;
        contender->error = contender->error * FADE + error;
        contender->reference = contender->reference * FADE + reference;
    }
}

double tournament_ratio(const struct tournament *tournament, int lead, int model)
{
    const struct contender *contender = &tournament->contender[lead][model];
    if (contender->count < LEAST_COUNT)
        return 1.0;
    if (!(contender->reference > 0.0)) /* the first never erred: who does is no company */
        return contender->error > 0.0 ? RATIO_MOST : 1.0;
    return fmin(fmax(contender->error / contender->reference, RATIO_LEAST), RATIO_MOST);
}

void tournament_forget(struct tournament *tournament, int model)
{
    for (int lead = 0; lead < SCORE_LEADS; lead++)
        tournament->contender[lead][model] = (struct contender){0};
}

void tournament_weights(const struct tournament *tournament, int lead,
                        double ret_weight[FORECAST_MODELS])
{
    double ratio[FORECAST_MODELS], best = INFINITY, sum = 0.0;
    for (int model = 0; model < FORECAST_MODELS; model++) {
        bool takes_part = model == 0 || tournament->contender[lead][model].count >= LEAST_COUNT;
        ratio[model] = takes_part ? tournament_ratio(tournament, lead, model) : INFINITY;
        best = fmin(best, ratio[model]);
    }
    for (int model = 0; model < FORECAST_MODELS; model++) {
        double weight = exp(-SHARPNESS * (ratio[model] / best - 1.0));
        ret_weight[model] = weight >= LEAST_SHARE ? weight : 0.0;
        sum += ret_weight[model];
    }
    for (int model = 0; model < FORECAST_MODELS; model++)
        ret_weight[model] /= sum;
}
