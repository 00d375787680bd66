/* What all benchmarks need. */
#ifndef TIDEWATT_BENCH_H
#define TIDEWATT_BENCH_H

#include <stdint.h>

_Noreturn void die(const char *what);
int64_t mono_ns(void);
double cpu_us(void); /* of this process */

/* Resident memory of this process in MiB: now, and the most since peak_restart. */
double resident_mib(void);
double peak_mib(void);
void peak_restart(void);

/* One row of the results; `beside` NULL: nothing is put beside the value. The ratio NAN: none. */
void print_row(const char *figure, const char *value, const char *beside, double ratio);

#endif
