#include "reports/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/limits.h"
#include "reports/html.h"

#define PATH_OCTETS 512

extern char **environ;

/* ---- the browser ---- */

static bool in_path(const char *name)
{
    const char *path = getenv("PATH");
    char file[4096];
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");
        (void)snprintf(file, sizeof file, "%.*s/%s", (int)len, path, name);
        if (len > 0 && access(file, X_OK) == 0) {
            return true;
        }
        path += len + (path[len] == ':');
    }
    return false;
}

const char *pdf_browser(void)
{
    static const char *const names[] = {"chromium", "chromium-browser", "google-chrome",
                                        "google-chrome-stable"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (in_path(names[i])) {
            return names[i];
        }
    }
    return NULL;
}

/* ---- the folder it works in ---- */

struct workshop {
    char folder[PATH_OCTETS / 2], page[PATH_OCTETS], paper[PATH_OCTETS];
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void close_workshop(const struct workshop *w)
{
    (void)nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int open_workshop(struct workshop *w)
{
    const char *tmp = getenv("TMPDIR");
    int len = snprintf(w->folder, sizeof w->folder, "%s/rolecall-pdf-XXXXXX",
                       tmp == NULL || *tmp == '\0' ? "/tmp" : tmp);
    if (len < 0 || (size_t)len >= sizeof w->folder) {
        return -ENAMETOOLONG;
    }
    if (mkdtemp(w->folder) == NULL) {
        return -errno;
    }
    (void)snprintf(w->page, sizeof w->page, "%s/page.html", w->folder);
    (void)snprintf(w->paper, sizeof w->paper, "%s/paper.pdf", w->folder);
    return 0;
}

/* ---- running it ---- */

static int spawn_browser(const char *name, char *const *words, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return -failed;
    }
    (void)posix_spawnattr_init(&attributes);
    /* A group of its own: what does not end in time ends with all its helpers. */
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    failed = posix_spawnp(ret, name, &actions, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -failed;
}

/* 0; -ETIMEDOUT after ending it; -EIO when it failed. */
static int wait_for(pid_t pid)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    int status = 0;
    for (unsigned i = 0; i < LIMIT_PDF_SECONDS * 50u; i++) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
        }
        if (ended < 0 && errno != EINTR) {
            return -errno;
        }
        (void)nanosleep(&moment, NULL);
    }
    (void)kill(-pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return -ETIMEDOUT;
}

static int run_browser(const struct workshop *w, const char *name)
{
    char profile[PATH_OCTETS + 40], paper[PATH_OCTETS + 40], page[PATH_OCTETS + 40];
    char sandbox[] = "--no-sandbox", headless[] = "--headless", gpu[] = "--disable-gpu",
         first[] = "--no-first-run", plain[] = "--no-pdf-header-footer",
         outline[] = "--generate-pdf-document-outline", budget[] = "--virtual-time-budget=60000",
         shared[] = "--disable-dev-shm-usage", quiet[] = "--disable-background-networking",
         program[64];
    pid_t pid = 0;
    (void)snprintf(program, sizeof program, "%s", name);
    (void)snprintf(profile, sizeof profile, "--user-data-dir=%s/profile", w->folder);
    (void)snprintf(paper, sizeof paper, "--print-to-pdf=%s", w->paper);
    (void)snprintf(page, sizeof page, "file://%s#paper", w->page);
    char *words[] = {program, headless, gpu,     first, plain, outline, budget,
                     shared,  quiet,    profile, paper, page,  NULL,    NULL};
    if (geteuid() == 0) {
        words[12] = sandbox;
    }
    int failed = spawn_browser(name, words, &pid);
    return failed < 0 ? failed : wait_for(pid);
}

/* ---- the result ---- */

/* The browser stamps the hour of its work into the file; a document without a time of generation
 * is to be the same each time, and gets the end of its traffic, digit for digit. */
static void stamp_times(char *pdf, size_t len, const char *when)
{
    static const char *const keys[] = {"/CreationDate (D:", "/ModDate (D:"};
    char digits[15];
    if (when == NULL || strlen(when) < 19) {
        return;
    }
    (void)snprintf(digits, sizeof digits, "%.4s%.2s%.2s%.2s%.2s%.2s", when, when + 5, when + 8,
                   when + 11, when + 14, when + 17);
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t skip = strlen(keys[i]);
        char *at = memmem(pdf, len, keys[i], skip);
        if (at != NULL && (size_t)(pdf + len - at) > skip + 14) {
            memcpy(at + skip, digits, 14);
        }
    }
}

/* 0, -ENODATA: no PDF is there. */
static int take_paper(struct output *out, const struct workshop *w, const struct document *d)
{
    struct stat st;
    FILE *f = fopen(w->paper, "rbe");
    char *pdf = NULL;
    int failed = f == NULL || fstat(fileno(f), &st) != 0 || st.st_size < 5 ? -ENODATA : 0;
    if (failed == 0) {
        pdf = malloc((size_t)st.st_size);
        failed = pdf == NULL ? -ENOMEM : 0;
    }
    if (failed == 0 && (fread(pdf, 1, (size_t)st.st_size, f) != (size_t)st.st_size ||
                        memcmp(pdf, "%PDF-", 5) != 0)) {
        failed = -ENODATA;
    }
    if (failed == 0) {
        if (member_text(d->audit, "generated") == NULL) {
            stamp_times(pdf, (size_t)st.st_size, member_text(d->audit, "end"));
        }
        output_octets(out, pdf, (size_t)st.st_size);
    }
    free(pdf);
    if (f != NULL) {
        (void)fclose(f);
    }
    return failed;
}

static int write_page(const struct workshop *w, const struct document *d,
                      const struct render_options *o)
{
    struct output *page = NULL;
    int failed = output_open(w->page, &page);
    if (failed == 0) {
        render_html(page, d, o);
        failed = output_close(page);
    }
    return failed;
}

void render_pdf(struct output *out, const struct document *d, const struct render_options *o)
{
    char why[OUTPUT_REFUSAL];
    struct workshop w;
    const char *name = pdf_browser();
    int failed = open_workshop(&w);
    if (failed < 0) {
        (void)snprintf(why, sizeof why, "no temporary folder for the PDF: %s; set TMPDIR",
                       strerror(-failed));
        output_refuse(out, why);
        return;
    }
    failed = write_page(&w, d, o);
    if (failed == 0) {
        failed = name == NULL ? -ENOENT : run_browser(&w, name);
    }
    if (failed == 0) {
        failed = take_paper(out, &w, d);
    }
    if (failed < 0) {
        (void)snprintf(why, sizeof why, "%s did not make the PDF: %s; --format html works",
                       name == NULL ? "the browser" : name, strerror(-failed));
        output_refuse(out, why);
    }
    close_workshop(&w);
}
