/* The linear programs: small ones with known answers, and the bound's against another solver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/plan/dispatch.h"
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

static void bound_equals_another_solver(void **state)
{
    (void)state;
    if (system("command -v glpsol >/dev/null") != 0) {
        print_message("skipped: glpsol (package glpk-utils) is not installed\n");
        skip();
    }
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct problem *problem = case_random(seed);
        struct workload *load = workload_create(problem);
        double constant;
        struct lp *lp = relax_build(load, &constant);
        struct error error;
        assert_int_equal(lp_solve(lp, &error), 0);
        double other = other_solver(lp);
        if (!(fabs(other - lp->objective) <= 1e-6 * (1 + fabs(lp->objective))))
            fail_msg("seed %d: %.9g here, %.9g there", (int)seed, lp->objective, other);
        lp_destroy(lp);
        free(load);
        problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer_and_warm_start),
        cmocka_unit_test(impossible_program_is_an_error),
        cmocka_unit_test(bound_equals_another_solver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
