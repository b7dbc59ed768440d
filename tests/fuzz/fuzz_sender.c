/* Deliveries of one kind of sender, headers included; the kind is the target's (DD_FUZZ_SENDER). */
#include "tests/support/deliveries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    test_fuzz_delivery(DD_FUZZ_SENDER, data, size);
    return 0;
}
