/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the command line, each once through the target; without libFuzzer, which has a main of its own. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#ifndef FUZZER
int main(int count, char **arguments)
{
    static uint8_t input[FUZZ_INPUT_MAX];
    for (int i = 1; i < count; i++) {
        _cleanup_(close_fdp) int fd = open(arguments[i], O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, input, sizeof(input));
        if (length < 0) {
            fprintf(stderr, "%s: %m\n", arguments[i]);
            return EXIT_FAILURE;
        }
        (void)LLVMFuzzerTestOneInput(input, (size_t)length); /* always 0 */
    }
    return EXIT_SUCCESS;
}
#endif
