/* Counters of what the server did, for /metrics; counted by every listener thread. */
#ifndef DD_SERVER_METRICS_H
#define DD_SERVER_METRICS_H

#include "server.h"

typedef struct dd_metrics dd_metrics;
dd_metrics *dd_metrics_new(const dd_settings *settings);
void dd_metrics_free(dd_metrics *metrics);
DD_DEFINE_FREEP(dd_metrics)
/* A delivery of the sender (one of the settings') was answered with the status. */
void dd_metrics_count_delivery(dd_metrics *metrics, const dd_sender_settings *sender, int status);
/* OpenMetrics text, owned. */
char *dd_metrics_text(const dd_metrics *metrics);
#define DD_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

#endif
