/* Counters of what the server did, as OpenMetrics (openmetrics.io, 1.0). */
#include "metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Every status that a delivery can be answered with by us; one cell each per sender. */
static const int statuses[] = {200, 202, 400, 401, 403, 415, 429, 500, 503};

struct dd_metrics {
    const dd_settings *settings;
    atomic_ullong (*deliveries)[DD_COUNT(statuses)]; /* as the settings' senders */
};

dd_metrics *dd_metrics_new(const dd_settings *settings)
{
    dd_metrics *metrics = dd_new(dd_metrics);
    metrics->settings = settings;
    metrics->deliveries = dd_calloc(settings->sender_count + 1, sizeof(*metrics->deliveries));
    return metrics;
}

void dd_metrics_free(dd_metrics *metrics)
{
    if (!metrics)
        return;
    free(metrics->deliveries);
    free(metrics);
}

void dd_metrics_count_delivery(dd_metrics *metrics, const dd_sender_settings *sender, int status)
{
    size_t index = (size_t)(sender - metrics->settings->senders);
    for (size_t i = 0; i < DD_COUNT(statuses); i++)
        if (statuses[i] == status)
            atomic_fetch_add_explicit(&metrics->deliveries[index][i], 1, memory_order_relaxed);
}

/* trust="none" is what an alert is for. */
static void add_senders(const dd_settings *settings, dd_buf *text)
{
    dd_buf_add_str(text, "# TYPE drydock_sender info\n"
                         "# HELP drydock_sender Senders, and what a delivery of theirs proves.\n");
    for (size_t i = 0; i < settings->sender_count; i++)
        dd_buf_printf(text, "drydock_sender_info{sender=\"%s\",kind=\"%s\",trust=\"%s\"} 1\n",
                      settings->senders[i].name, settings->senders[i].kind,
                      dd_trust_name(dd_sender_trust(&settings->senders[i])));
}

char *dd_metrics_text(const dd_metrics *metrics)
{
    dd_buf text = {0};
    dd_buf_add_str(&text,
                   "# TYPE drydock_deliveries counter\n"
                   "# HELP drydock_deliveries Deliveries by sender and by the status they were answered.\n");
    for (size_t i = 0; i < metrics->settings->sender_count; i++)
        for (size_t j = 0; j < DD_COUNT(statuses); j++)
            dd_buf_printf(&text, "drydock_deliveries_total{sender=\"%s\",status=\"%d\"} %llu\n",
                          metrics->settings->senders[i].name, statuses[j],
                          atomic_load_explicit(&metrics->deliveries[i][j], memory_order_relaxed));
    add_senders(metrics->settings, &text);
    dd_buf_add_str(&text, "# EOF\n");
    return dd_buf_steal(&text);
}
