/* Times and durations as templates' values: Go's time.Time, Duration, Month and Weekday. */
#ifndef DD_LANG_FUNCTIONS_TIMES_H
#define DD_LANG_FUNCTIONS_TIMES_H

#include "runner/lang/functions/functions.h"
#include "runner/lang/go_time.h"

int dd_give_time(dd_evaluation *e, dd_go_time time, dd_value *ret);
/* False: the value is no time. */
bool dd_time_from(const dd_value *value, dd_go_time *ret);

#endif
