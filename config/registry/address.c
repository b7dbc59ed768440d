/* Which addresses a server may be sent to by another: see threat 35, requests made on behalf of a sender. */
#include "reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* Networks that are not the world: https://www.iana.org/assignments/iana-ipv4-special-registry */
static const struct network {
    uint32_t prefix;
    int bits;
    dd_reach reach;
} networks[] = {
    {0x00000000U, 8, DD_REACH_NEVER},    /* 0.0.0.0/8 */
    {0x0a000000U, 8, DD_REACH_PRIVATE},  /* 10.0.0.0/8 */
    {0x64400000U, 10, DD_REACH_PRIVATE}, /* 100.64.0.0/10 */
    {0x7f000000U, 8, DD_REACH_PRIVATE},  /* 127.0.0.0/8 */
    {0xa9fe0000U, 16, DD_REACH_NEVER},   /* 169.254.0.0/16 */
    {0xac100000U, 12, DD_REACH_PRIVATE}, /* 172.16.0.0/12 */
    {0xc0a80000U, 16, DD_REACH_PRIVATE}, /* 192.168.0.0/16 */
    {0xc6120000U, 15, DD_REACH_PRIVATE}, /* 198.18.0.0/15 */
    {0xe0000000U, 3, DD_REACH_NEVER},    /* 224.0.0.0 and above */
};

static dd_reach reach_of_v4(uint32_t address)
{
    for (size_t i = 0; i < DD_COUNT(networks); i++)
        if (((address ^ networks[i].prefix) >> (32 - networks[i].bits)) == 0)
            return networks[i].reach;
    return DD_REACH_WORLD;
}

static dd_reach reach_of_v6(const struct in6_addr *address)
{
    uint32_t last;
    memcpy(&last, &address->s6_addr[12], sizeof(last));
    if (IN6_IS_ADDR_V4MAPPED(address))
        return reach_of_v4(ntohl(last));
    if (IN6_IS_ADDR_LOOPBACK(address))
        return DD_REACH_PRIVATE;
    if ((address->s6_addr[0] & 0xfeU) == 0xfcU) /* fc00::/7 */
        return DD_REACH_PRIVATE;
    if ((address->s6_addr[0] & 0xe0U) == 0x20U) /* 2000::/3 is all that is given out */
        return DD_REACH_WORLD;
    return DD_REACH_NEVER;
}

dd_reach dd_address_reach(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        return reach_of_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        return reach_of_v6(&v6.sin6_addr);
    }
    return DD_REACH_NEVER;
}

dd_reach dd_address_text_reach(const char *text)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (text && inet_pton(AF_INET, text, &v4) == 1)
        return reach_of_v4(ntohl(v4.s_addr));
    if (text && inet_pton(AF_INET6, text, &v6) == 1)
        return reach_of_v6(&v6);
    return DD_REACH_NEVER;
}
