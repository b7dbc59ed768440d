/* Distribution's envelopes, headers included. */
#include "tests/support/deliveries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    test_fuzz_delivery("distribution", data, size);
    return 0;
}
