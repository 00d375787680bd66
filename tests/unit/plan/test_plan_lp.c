/* The linear programs: small ones with known answers, those of the planner against another solver,
 * and the bound against plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/plan/dispatch_lp.h"
#include "tests/unit/plan/plan_cases.h"

static char row_sense(const struct lp *lp, int row)
{
    if (lp->row_lower[row] == lp->row_upper[row])
        return 'E';
    if (lp->row_upper[row] < LP_INFINITY)
        return 'L';
    return lp->row_lower[row] > -LP_INFINITY ? 'G' : 'N';
}

static void mps_columns(const struct lp *lp, FILE *text)
{
    fprintf(text, "COLUMNS\n");
    for (int column = 0; column < lp->column_count; column++) {
        fprintf(text, " C%d COST %.17g\n", column, lp->cost[column]);
        for (int entry = lp->column_start[column]; entry < lp->column_start[column + 1]; entry++)
            fprintf(text, " C%d R%d %.17g\n", column, lp->entry_row[entry], lp->entry_value[entry]);
    }
}

static void mps_limits(const struct lp *lp, FILE *text)
{
    fprintf(text, "RHS\n");
    for (int row = 0; row < lp->row_count; row++) {
        char sense = row_sense(lp, row);
        if (sense != 'N')
            fprintf(text, " RHS R%d %.17g\n", row,
                    sense == 'G' ? lp->row_lower[row] : lp->row_upper[row]);
    }
    fprintf(text, "RANGES\n");
    for (int row = 0; row < lp->row_count; row++)
        if (row_sense(lp, row) == 'L' && lp->row_lower[row] > -LP_INFINITY)
            fprintf(text, " RNG R%d %.17g\n", row, lp->row_upper[row] - lp->row_lower[row]);
    fprintf(text, "BOUNDS\n");
    for (int column = 0; column < lp->column_count; column++) {
        fprintf(text, " LO BND C%d %.17g\n", column, lp->column_lower[column]);
        if (lp->column_upper[column] < LP_INFINITY)
            fprintf(text, " UP BND C%d %.17g\n", column, lp->column_upper[column]);
    }
}

/* The program as free MPS text, for another solver. The caller frees it; NULL: out of memory. */
static char *lp_mps(const struct lp *lp)
{
    char *buffer = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&buffer, &size);
    if (!text)
        return NULL;
    fprintf(text, "NAME dispatch\nROWS\n N COST\n");
    for (int row = 0; row < lp->row_count; row++)
        fprintf(text, " %c R%d\n", row_sense(lp, row), row);
    mps_columns(lp, text);
    mps_limits(lp, text);
    fprintf(text, "ENDATA\n");
    if (fclose(text) == 0)
        return buffer;
    free(buffer);
    return NULL;
}

/* Maximise 3x + 2y, x + y <= 4, x + 3y <= 6, x <= 3. */
static void known_answer_and_warm_start(void **state)
{
    (void)state;
    struct lp *lp = lp_create();
    struct error error;
    int sum = lp_add_row(lp, -LP_INFINITY, 4), other = lp_add_row(lp, -LP_INFINITY, 6);
    int x = lp_add_column(lp, 0, 3, -3);
    lp_add_entry(lp, sum, 1);
    lp_add_entry(lp, other, 1);
    int y = lp_add_column(lp, 0, LP_INFINITY, -2);
    lp_add_entry(lp, sum, 1);
    lp_add_entry(lp, other, 3);
    assert_int_equal(lp_solve(lp, &error), 0);
    assert_true(fabs(lp->objective + 11) < 1e-9);
    assert_true(fabs(lp->value[x] - 3) < 1e-9 && fabs(lp->value[y] - 1) < 1e-9);
    lp_set_row(lp, sum, -LP_INFINITY, 3.5);
    lp_set_column(lp, x, 0, 2);
    assert_int_equal(lp_solve(lp, &error), 0);
    assert_true(fabs(lp->objective + 6 + 8.0 / 3) < 1e-9); /* x = 2, y = 4/3 */
    assert_true(fabs(lp->dual[other] + 2.0 / 3) < 1e-9);
    lp_destroy(lp);
}

static void impossible_program_is_an_error(void **state)
{
    (void)state;
    struct lp *lp = lp_create();
    struct error error;
    int row = lp_add_row(lp, 5, 5);
    lp_add_column(lp, 0, 1, 1);
    lp_add_entry(lp, row, 1);
    assert_int_equal(lp_solve(lp, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "LP solver"));
    lp_destroy(lp);
}

/* Maximise x, then also y, in x + y <= 4, x <= 3. */
static void columns_may_join_later(void **state)
{
    (void)state;
    struct lp *lp = lp_create();
    struct error error;
    int sum = lp_add_row(lp, -LP_INFINITY, 4);
    lp_add_column(lp, 0, 3, -2);
    lp_add_entry(lp, sum, 1);
    assert_int_equal(lp_solve(lp, &error), 0);
    assert_true(fabs(lp->objective + 6) < 1e-9);
    int y = lp_add_column(lp, 0, LP_INFINITY, -1);
    lp_add_entry(lp, sum, 1);
    assert_true(fabs(lp_gain(lp, y) - 1) < 1e-9);
    lp_add_column(lp, 0, LP_INFINITY, -100);
    lp_add_entry(lp, sum, 1);
    lp_drop_column(lp);
    assert_int_equal(lp_solve(lp, &error), 0);
    assert_true(fabs(lp->objective + 7) < 1e-9);
    lp_destroy(lp);
}

/* Writes the program for glpsol and reads the objective from its report. */
static double other_solver(const struct lp *lp)
{
    char directory[] = "/tmp/tidewatt-plan-XXXXXX", model[64], report[64], command[256], line[256];
    double objective = nan("");
    assert_non_null(mkdtemp(directory));
    snprintf(model, sizeof(model), "%s/model.mps", directory);
    snprintf(report, sizeof(report), "%s/report.txt", directory);
    FILE *file = fopen(model, "w");
    char *mps = lp_mps(lp);
    assert_true(file && mps && fputs(mps, file) >= 0 && fclose(file) == 0);
    free(mps);
    snprintf(command, sizeof(command), "glpsol --freemps --min %s -o %s >/dev/null", model, report);
    assert_int_equal(system(command), 0);
    file = fopen(report, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Objective: COST = %lf", &objective) == 1)
            break;
    fclose(file);
    unlink(model);
    unlink(report);
    rmdir(directory);
    return objective;
}

static bool no_other_solver(void)
{
    if (system("command -v glpsol >/dev/null") == 0)
        return false;
    print_message("skipped: glpsol (package glpk-utils) is not installed\n");
    return true;
}

static void agrees(const struct lp *lp, int seed)
{
    double other = other_solver(lp);
    if (!(fabs(other - lp->objective) <= 1e-6 * (1 + fabs(lp->objective))))
        fail_msg("seed %d: %.9g here, %.9g there", seed, lp->objective, other);
}

enum { SEEDS = 64, COLUMNS = 2000 };

static void bound_equals_another_solver(void **state)
{
    (void)state;
    if (no_other_solver())
        skip();
    for (int seed = 1; seed <= SEEDS; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct workload *load = workload_create(problem);
        double constant;
        struct lp *lp = relax_build(load, COLUMNS, &constant);
        struct error error;
        assert_int_equal(lp_solve(lp, &error), 0);
        agrees(lp, seed);
        lp_destroy(lp);
        workload_destroy(load);
        problem_destroy(problem);
    }
}

/* The interior-point method is for programs too large for a test. */
static void interior_method_finds_the_same(void **state)
{
    (void)state;
    for (int seed = 1; seed <= SEEDS; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct workload *load = workload_create(problem);
        double constant;
        struct lp *simplex = relax_build(load, COLUMNS, &constant);
        struct lp *interior = relax_build(load, COLUMNS, &constant);
        struct error error;
        interior->interior = true;
        assert_int_equal(lp_solve(simplex, &error), 0);
        assert_int_equal(lp_solve(interior, &error), 0);
        assert_true(fabs(simplex->objective - interior->objective) <=
                    1e-6 * (1 + fabs(simplex->objective)));
        lp_destroy(simplex);
        lp_destroy(interior);
        workload_destroy(load);
        problem_destroy(problem);
    }
}

static void dispatch_equals_another_solver(void **state)
{
    (void)state;
    if (no_other_solver())
        skip();
    for (int seed = 1; seed <= SEEDS; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct workload *load = workload_create(problem);
        int32_t site = seed % problem->site_count;
        struct dispatch *dispatch = dispatch_create(load, site);
        struct plan_slot slots[LIMIT_SLOTS] = {0};
        const double *jobs_kw = &load->committed_kw[workload_at(load, site, 0)];
        struct error error;
        assert_int_equal(dispatch_solve(dispatch, jobs_kw, slots, &error), 0);
        agrees(dispatch->site.lp, seed);
        dispatch_destroy(dispatch);
        workload_destroy(load);
        problem_destroy(problem);
    }
}

/* Whatever is grouped and left out, no plan is cheaper than the bound. */
static void bound_is_below_every_plan(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 300; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct workload *load = workload_create(problem);
        size_t cells = (size_t)load->site_count * (size_t)load->slot_count;
        struct relaxation relaxation = {.price = calloc(cells, sizeof(double)),
                                        .target_kw = calloc(cells, sizeof(double))};
        struct error error;
        struct plan *plan = NULL;
        if (plan_make(problem, NULL, NULL, &plan, &error) < 0)
            fail_msg("seed %d: %s", seed, error.text);
        for (int64_t columns = 1; columns <= 10000; columns *= 100) {
            assert_int_equal(relax_solve(load, columns, &relaxation, &error), 0);
            if (!(relaxation.bound <= plan->objective + 1e-6 * (1 + fabs(plan->objective))))
                fail_msg("seed %d, %d columns: bound %.9g, plan %.9g", seed, (int)columns,
                         relaxation.bound, plan->objective);
        }
        plan_destroy(plan);
        free(relaxation.price);
        free(relaxation.target_kw);
        workload_destroy(load);
        problem_destroy(problem);
    }
}

/* Jobs of two classes of accelerators in one group: what one class is short of costs the jobs of
 * the other nothing. */
static void joined_kinds_pay_for_nothing_that_is_not_theirs(void **state)
{
    (void)state;
    enum { JOBS = 7 };
    for (int odd = 0; odd < JOBS; odd += JOBS - 1) {
        struct problem *problem = case_plain(8);
        for (int32_t t = 0; t < 2; t++)
            problem->sites[0].slots[t].price_import_per_mwh = 10;
        for (int32_t g = 0; g < problem->sites[0].group_count; g++) {
            problem->sites[0].groups[g].accelerators[0] = g == 0;
            problem->sites[0].groups[g].accelerators[1] = JOBS;
        }
        for (int i = 0; i < JOBS; i++) {
            struct problem_job *job = case_job(problem, 2, 8);
            job->accelerator_classes = i == odd ? 1 : 2;
            job->levels[0].accelerators = 1;
        }
        struct workload *load = workload_create(problem);
        double price[8], target_kw[8];
        struct relaxation relaxation = {.price = price, .target_kw = target_kw};
        struct error error;
        struct plan *plan = NULL;
        assert_int_equal(plan_make(problem, NULL, NULL, &plan, &error), 0);
        assert_int_equal(relax_solve(load, 1, &relaxation, &error), 0);
        assert_true(relaxation.bound <= plan->objective * (1 + 1e-6));
        plan_destroy(plan);
        workload_destroy(load);
        problem_destroy(problem);
    }
}

/* A little of the bound is given away to the solver's rounding. */
static void near_money(double is, double should)
{
    if (!(fabs(is - should) < 5e-5))
        fail_msg("%.9g should be %.9g", is, should);
}

/* One job of 10 kW and 2 h that cannot be suspended; the cheap hours lie apart. */
static void bound_knows_pieces(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    struct problem_job *job = case_job(problem, 2, 6);
    problem->sites[0].slots[1].price_import_per_mwh = 10;
    problem->sites[0].slots[4].price_import_per_mwh = 10;
    double price[6], target_kw[6];
    struct relaxation relaxation = {.price = price, .target_kw = target_kw};
    struct error error;
    for (int pieces = 0; pieces <= 1; pieces++) {
        job->can_suspend = pieces;
        struct workload *load = workload_create(problem);
        assert_int_equal(relax_solve(load, COLUMNS, &relaxation, &error), 0);
        near_money(relaxation.bound, pieces ? 0.2 : 1.1);
        workload_destroy(load);
    }
    problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer_and_warm_start),
        cmocka_unit_test(impossible_program_is_an_error),
        cmocka_unit_test(columns_may_join_later),
        cmocka_unit_test(bound_equals_another_solver),
        cmocka_unit_test(interior_method_finds_the_same),
        cmocka_unit_test(dispatch_equals_another_solver),
        cmocka_unit_test(bound_is_below_every_plan),
        cmocka_unit_test(joined_kinds_pay_for_nothing_that_is_not_theirs),
        cmocka_unit_test(bound_knows_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
