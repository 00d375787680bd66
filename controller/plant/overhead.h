/* How much facility power a watt of IT costs, learnt from the site's own meters. Pure.
 *
 * facility = fixed_w + it_w * (1 + ratio(T)),  ratio(T) = a + b * (T - 15 degC), b >= 0
 * a and b by exponentially weighted least squares over quarter hours (time constant about a week);
 * until the outdoor temperature has varied enough, b keeps its prior. */
#ifndef TIDEWATT_PLANT_OVERHEAD_H
#define TIDEWATT_PLANT_OVERHEAD_H

struct overhead {
    double fixed_w;
    double weight, sum_t, sum_r, sum_tt, sum_tr;
};

/* `prior_ratio` at 15 degC, W per W of IT. */
void overhead_init(struct overhead *overhead, double fixed_w, double prior_ratio);

/* One observed quarter hour. Intervals without IT load teach nothing. */
void overhead_learn(struct overhead *overhead, double temp_outdoor_c, double facility_w,
                    double it_w);

/* W of cooling and distribution per W of IT at that temperature, within [0.01, 1.5]. */
double overhead_ratio(const struct overhead *overhead, double temp_outdoor_c);

#endif
