/* Back-off, and one line for an outage however many connections notice it. */
#include "store_private.h"

#include <event2/util.h>

#include <pthread.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000

int64_t dd_backoff_ms(dd_backoff *backoff, const dd_error *why)
{
    uint32_t random;
    int64_t ms = backoff->next_ms ? backoff->next_ms : BACKOFF_FIRST_MS;
    if (why && why->code == DD_ERR_DENIED)
        ms = BACKOFF_LAST_MS;
    backoff->next_ms = ms * 2 < BACKOFF_LAST_MS ? ms * 2 : BACKOFF_LAST_MS;
    evutil_secure_rng_get_bytes(&random, sizeof(random));
    return ms - ms / 8 + (int64_t)(random % (uint32_t)(ms / 4 + 1));
}

static struct {
    pthread_mutex_t lock;
    unsigned connections; /* that are without Redis */
    unsigned told;        /* codes of which there was a line, as bits */
    int64_t since_ms;
} outages = {.lock = PTHREAD_MUTEX_INITIALIZER};

void dd_outage_begin(dd_outage *outage, const dd_error *why)
{
    unsigned bit = 1U << why->code;
    pthread_mutex_lock(&outages.lock);
    if (!outage->on && outages.connections++ == 0) {
        outages.told = 0;
        outages.since_ms = dd_monotonic_ms();
    }
    bool tell = !(outages.told & bit);
    outages.told |= bit;
    pthread_mutex_unlock(&outages.lock);
    outage->on = true;
    if (tell) {
        dd_auto_str text = dd_error_text(why);
        dd_log(DD_LOG_WARNING, "store", NULL, "%s; connecting again until it is there", text);
    }
}

void dd_outage_forget(dd_outage *outage)
{
    pthread_mutex_lock(&outages.lock);
    outages.connections -= outage->on;
    pthread_mutex_unlock(&outages.lock);
    outage->on = false;
}

void dd_outage_end(dd_outage *outage, const dd_redis_config *config)
{
    if (!outage->on)
        return;
    pthread_mutex_lock(&outages.lock);
    bool last = --outages.connections == 0;
    int64_t ms = dd_monotonic_ms() - outages.since_ms;
    pthread_mutex_unlock(&outages.lock);
    outage->on = false;
    if (last)
        dd_log(DD_LOG_INFO, "store", NULL, "Redis at %s serves again, after %lld.%lld s",
               dd_redis_config_place(config), (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}
