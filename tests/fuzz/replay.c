/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs a fuzz target over all inputs of the folders and files that are named, once each; for `make check`, with any
 * compiler.  A finding ends the process with the file's name as the last line.
 */
#include <dirent.h>
#include <sys/stat.h>
#include "fuzz.h"

static size_t inputs;

static void
Fail(const char *path)
{
    perror(path);
    exit(1);
}

static void
ReplayFile(const char *path)
{
    FILE       *file = fopen(path, "rb");
    struct stat st;
    uint8_t    *data;

    if (file == NULL || fstat(fileno(file), &st) != 0) {
        Fail(path);
    }
    data = malloc((size_t)st.st_size + 1);
    if (data == NULL || fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
        Fail(path);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    /* A copy of exactly its size, as the fuzzer gives it. */
    data = realloc(data, st.st_size > 0 ? (size_t)st.st_size : 1);
    (void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
    free(data);
    inputs++;
}

static void
Replay(const char *path)
{
    DIR           *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL) {
        ReplayFile(path);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            char name[4096];

            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            Replay(name);
        }
    }
    closedir(dir);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        Replay(argv[i]);
    }
    if (inputs == 0) {
        fprintf(stderr, "usage: %s FOLDER-OR-FILE ...\n", argv[0]);
        return 2;
    }
    printf("%zu inputs\n", inputs);
    return 0;
}
