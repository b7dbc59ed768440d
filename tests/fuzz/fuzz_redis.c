/* redis.url and Redis's error replies from any bytes: what is taken can be connected to, and no message
 * repeats an address. */
#include "config/store/store_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *text)
{
    dd_redis_address address;
    dd_auto(dd_error) why = NULL;

    if (dd_redis_address_parse(text, &address, &why) < 0) {
        dd_assert(why->code == DD_ERR_INVALID && !address.path && address.nodes.count == 0);
        return;
    }
    dd_assert((address.path != NULL) == (address.nodes.count == 0));
    dd_assert(!address.path || address.path[0] == '/');
    dd_assert((address.master != NULL) == (address.form == DD_REDIS_SENTINEL));
    dd_assert(!address.username || address.password || address.path);
    dd_assert(address.database >= 0 && address.database <= 65535);
    for (size_t i = 0; i < address.nodes.count; i++)
        dd_assert(*address.nodes.items[i].host && address.nodes.items[i].port > 0 &&
                  address.nodes.items[i].port < 65536);
    dd_redis_address_done(&address);
}

static void check_reply(char *text)
{
    redisReply reply = {.type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text)};
    dd_redis_node node = {0};
    dd_auto(dd_error) why = NULL;

    dd_assert(dd_reply_error(&reply, &why) < 0 && why);
    dd_reply_kind kind = dd_reply_kind_of(&reply, &node);
    dd_assert((kind == DD_REPLY_MOVED || kind == DD_REPLY_ASK) ? node.port > 0 && node.port < 65536
                                                               : !node.host);
    free(node.host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str text = dd_strndup((const char *)data, size);

    check_address(text);
    check_reply(text);
    return 0;
}
