/* Ranges of addresses: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7. */
#ifndef DD_CONFIG_RANGES_H
#define DD_CONFIG_RANGES_H

#include "base/base.h"

/* The range as it is kept: the address in its own form and the length ("192.0.2.7/32"); NULL when it is none.
 */
char *dd_range_normalise(const char *text);
/* Is the address ("192.0.2.7", "::1") in one of the ranges, as dd_range_normalise wrote them? IPv4 addresses
 * that are mapped into IPv6 are the IPv4 ones. False for what is no address. */
bool dd_ranges_have(const dd_strv *ranges, const char *address);
/* The address in its own form, mapped ones as IPv4; NULL when it is none. */
char *dd_address_normalise(const char *text);

#endif
