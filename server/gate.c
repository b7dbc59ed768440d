/* The gate: token buckets and counts, found by a text. */
#include "gate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS        4096 /* chains; a power of two */
#define VISITORS_MAX 65536
#define KEY_MAX      64

/* A sender or an address, for as long as it is told from one that never came. */
typedef struct visitor {
    struct visitor *next; /* in its slot */
    size_t connections;
    int64_t rate;      /* a second; the bucket holds as many */
    int64_t tokens_ms; /* in thousandths of a token */
    int64_t at_ms;     /* when the tokens were counted */
    char key[KEY_MAX];
} visitor;

struct dd_gate {
    const dd_settings *settings;
    pthread_mutex_t lock;
    visitor *slots[SLOTS];
    size_t count;
    int64_t swept_ms;
};

dd_gate *dd_gate_new(const dd_settings *settings)
{
    dd_gate *gate = dd_new(dd_gate);
    gate->settings = settings;
    pthread_mutex_init(&gate->lock, NULL);
    return gate;
}

void dd_gate_free(dd_gate *gate)
{
    if (!gate)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        for (visitor *v = gate->slots[i], *next; v; v = next) {
            next = v->next;
            free(v);
        }
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

/* ---- Visitors ---- */

static void refill(visitor *v, int64_t now_ms)
{
    int64_t full = v->rate * 1000;
    v->tokens_ms += (now_ms - v->at_ms) * v->rate;
    if (v->tokens_ms > full || now_ms - v->at_ms > 1000)
        v->tokens_ms = full;
    v->at_ms = now_ms;
}

/* Those that would be the same if they came new. */
static void sweep(dd_gate *gate, int64_t now_ms)
{
    gate->swept_ms = now_ms;
    for (size_t i = 0; i < SLOTS; i++)
        for (visitor **link = &gate->slots[i]; *link;) {
            visitor *v = *link;
            refill(v, now_ms);
            if (v->connections > 0 || v->tokens_ms < v->rate * 1000) {
                link = &v->next;
                continue;
            }
            *link = v->next;
            free(v);
            gate->count--;
        }
}

static size_t slot_of(const char *key)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * 16777619U;
    return (hash ^ hash >> 16) & (SLOTS - 1);
}

/* NULL when so many are remembered that no more can be: then who is not is not limited, rather than shut out.
 */
static visitor *find(dd_gate *gate, const char *key, int64_t rate)
{
    int64_t now_ms = dd_monotonic_ms();
    visitor **slot = &gate->slots[slot_of(key)];
    for (visitor *v = *slot; v; v = v->next)
        if (strcmp(v->key, key) == 0) {
            refill(v, now_ms);
            return v;
        }
    if (gate->count >= VISITORS_MAX && now_ms - gate->swept_ms >= 1000)
        sweep(gate, now_ms);
    if (gate->count >= VISITORS_MAX)
        return NULL;
    slot = &gate->slots[slot_of(key)];
    visitor *v = dd_new(visitor);
    *v = (visitor){.next = *slot, .rate = rate, .tokens_ms = rate * 1000, .at_ms = now_ms};
    snprintf(v->key, sizeof(v->key), "%s", key);
    *slot = v;
    gate->count++;
    return v;
}

/* Whoever has one address of IPv6 has its /64. */
static void address_key(const char *address, char ret[KEY_MAX])
{
    struct in6_addr v6;
    snprintf(ret, KEY_MAX, "%s", address);
    if (inet_pton(AF_INET6, address, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
        return;
    memset(v6.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &v6, ret, KEY_MAX);
}

static bool is_proxy(const dd_settings *settings, const char *peer)
{
    return strcmp(peer, "unix") == 0 || dd_ranges_have(&settings->server.proxies, peer);
}

/* ---- Connections ---- */

bool dd_gate_enter(dd_gate *gate, const char *address)
{
    char key[KEY_MAX];
    if (is_proxy(gate->settings, address))
        return true;
    address_key(address, key);
    pthread_mutex_lock(&gate->lock);
    visitor *v = find(gate, key, gate->settings->server.address_rate);
    bool may = !v || v->connections < (size_t)gate->settings->server.address_connections;
    if (v && may)
        v->connections++;
    pthread_mutex_unlock(&gate->lock);
    return may;
}

void dd_gate_leave(dd_gate *gate, const char *address)
{
    char key[KEY_MAX];
    if (is_proxy(gate->settings, address))
        return;
    address_key(address, key);
    pthread_mutex_lock(&gate->lock);
    visitor *v = find(gate, key, gate->settings->server.address_rate);
    /* One that was let in unremembered may be unknown, or known since. */
    if (v && v->connections > 0)
        v->connections--;
    pthread_mutex_unlock(&gate->lock);
}

/* ---- Rates ---- */

static int64_t take(dd_gate *gate, const char *key, int64_t rate)
{
    pthread_mutex_lock(&gate->lock);
    visitor *v = find(gate, key, rate);
    bool may = !v || v->tokens_ms >= 1000;
    if (v && may)
        v->tokens_ms -= 1000;
    pthread_mutex_unlock(&gate->lock);
    return may ? 0 : 1; /* at a rate of one a second or more there is a token within a second */
}

int64_t dd_gate_request(dd_gate *gate, const char *address)
{
    char key[KEY_MAX];
    if (is_proxy(gate->settings, address))
        return 0;
    address_key(address, key);
    return take(gate, key, gate->settings->server.address_rate);
}

int64_t dd_gate_delivery(dd_gate *gate, const dd_sender_settings *sender)
{
    char key[KEY_MAX];
    if (!sender->rate)
        return 0;
    /* No address holds a '/'. */
    snprintf(key, sizeof(key), "/%.62s", sender->name);
    return take(gate, key, sender->rate);
}

/* ---- Proxies ---- */

char *dd_gate_client(const dd_settings *settings, const char *peer, const char *forwarded)
{
    dd_auto_str client = dd_strdup(peer);
    size_t end = forwarded ? strlen(forwarded) : 0;
    /* From the right: each proxy adds who came to it; what stands further left anybody may have written. */
    while (end > 0 && is_proxy(settings, client)) {
        size_t begin = end;
        while (begin > 0 && forwarded[begin - 1] != ',')
            begin--;
        size_t first = begin + strspn(forwarded + begin, " \t"), last = end;
        while (last > first && (forwarded[last - 1] == ' ' || forwarded[last - 1] == '\t'))
            last--;
        dd_auto_str word = dd_strndup(forwarded + first, last > first ? last - first : 0);
        char *address = dd_address_normalise(word);
        if (!address)
            break;
        free(client);
        client = address;
        end = begin > 0 ? begin - 1 : 0;
    }
    return dd_take(client);
}
