/* Replay files through a fuzz target without libFuzzer: `fuzz_NAME FILE-OR-FOLDER…`. So that each seed, and
 * each input that once broke something, is tried in every test run, under whatever compiler and sanitizer
 * that has. */
#include "config/base/base.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX_BYTES (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the exact size, so that a sanitizer sees a read behind the end. */
static int replay_file(const char *path, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    dd_auto_str exact = NULL;

    if (dd_buf_read_file(path, INPUT_MAX_BYTES, &text, err) < 0)
        return -1;
    exact = dd_calloc(text->length ? text->length : 1, 1);
    for (size_t i = 0; i < text->length; i++)
        exact[i] = text->data[i];
    LLVMFuzzerTestOneInput((const uint8_t *)exact, text->length);
    return 1;
}

/* Return how many files were replayed, -1 with *err. */
static int replay(const char *path, dd_error **err)
{
    DIR *folder = opendir(path);
    int count = 0;
    int ret = 0;

    if (!folder)
        return replay_file(path, err);
    for (struct dirent *entry; ret >= 0 && (entry = readdir(folder)) != NULL;) {
        dd_auto_str member = dd_path_join(path, entry->d_name);

        if (entry->d_name[0] != '.')
            ret = replay(member, err);
        count += ret > 0 && entry->d_name[0] != '.' ? ret : 0;
    }
    closedir(folder);
    return ret < 0 ? -1 : count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        dd_auto(dd_error) err = NULL;
        int ret = replay(argv[i], &err);

        if (ret < 0) {
            dd_auto_str message = dd_error_text(err);

            fprintf(stderr, "%s\n", message);
            return 1;
        }
        count += ret;
    }
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus would pass for ever */
}
