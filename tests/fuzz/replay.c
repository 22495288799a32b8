/*
 * replay.c - runs a fuzz target once over every file of the folders named, with any compiler: what
 * a fuzzer found stays found. Exit status 1 when there was nothing to run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    struct stat about;
    FILE *in = fopen(path, "rb");
    if (in == NULL || fstat(fileno(in), &about) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISREG(about.st_mode)) {
        (void)fclose(in);
        return 0;
    }
    size_t size = (size_t)about.st_size;
    uint8_t *data =
        malloc(size + (size == 0)); /* exact, so that a sanitizer sees one octet too many */
    if (data == NULL || fread(data, 1, size, in) != size) {
        perror(path);
        exit(2);
    }
    (void)fclose(in);
    (void)printf("%s\n", path);
    (void)fflush(stdout); /* the last line names the input that crashed */
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *folder)
{
    struct dirent **names = NULL;
    int ran = 0, count = scandir(folder, &names, NULL, alphasort);
    if (count < 0) {
        perror(folder);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        ran += run_file(path);
        free(names[i]);
    }
    free(names);
    return ran;
}

int main(int argc, char **argv)
{
    int ran = 0;
    for (int i = 1; i < argc; i++) {
        ran += run_folder(argv[i]);
    }
    (void)printf("%d inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
