// Preloaded into the program by faults.rs: makes the n-th system call of one kind fail, or all from the n-th on.
//
// GPTFS_FAULT       "read", "short", "write" (the disk is full), "broken" (writes are EIO), "thread", or "moment": the
//                   export isn't read before a mountpoint is removed, which waits until something is mounted there
// GPTFS_FAULT_AT    n, from 1
// GPTFS_FAULT_PATH  only files at or below this path count
// GPTFS_FAULT_HIT   a file that is created when the fault strikes
// GPTFS_FAULT_WHEN  calls count only from the moment when this file exists
// GPTFS_FAULT_CLEAR calls fail from the n-th on until this file exists; without it only the n-th fails

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int is_kind(const char *kind) {
    const char *wanted = getenv("GPTFS_FAULT");
    return wanted && strcmp(wanted, kind) == 0;
}

static int is_below(int fd) {
    char link[64], path[4096];
    const char *root = getenv("GPTFS_FAULT_PATH");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!root || length < 0) return 0;
    path[length] = 0;
    return strncmp(path, root, strlen(root)) == 0;
}

static void touch(const char *path) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static int strikes(void) {
    const char *at = getenv("GPTFS_FAULT_AT"), *hit = getenv("GPTFS_FAULT_HIT");
    const char *clear = getenv("GPTFS_FAULT_CLEAR");
    const char *when = getenv("GPTFS_FAULT_WHEN");
    if (!at || !hit || (when && access(when, F_OK) != 0)) return 0;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (clear ? call < atol(at) || access(clear, F_OK) == 0 : call != atol(at)) return 0;
    touch(hit);
    return 1;
}

// True once the table of mounts names the path.
static int is_mounted(const char *path) {
    char line[4096], word[4096];
    snprintf(word, sizeof word, " %s ", path);
    FILE *table = fopen("/proc/self/mountinfo", "re");
    int found = 0;
    while (table && !found && fgets(line, sizeof line, table)) found = strstr(line, word) != NULL;
    if (table) fclose(table);
    return found;
}

static atomic_int removing;

// Waits for a condition, for at most a minute.
#define UNTIL(condition) for (int left = 60000; left > 0 && !(condition); left--) usleep(1000)

static int write_fails(int fd) {
    int full = is_kind("write"), broken = is_kind("broken");
    if ((!full && !broken) || !is_below(fd) || !strikes()) return 0;
    errno = full ? ENOSPC : EIO;
    return 1;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t pread64(int fd, void *buffer, size_t count, off64_t offset) {
    NEXT(pread64);
    if (is_kind("moment") && is_below(fd)) {
        touch(getenv("GPTFS_FAULT_HIT"));
        UNTIL(atomic_load(&removing));
    }
    if (is_kind("read") && is_below(fd) && strikes()) {
        errno = EIO;
        return -1;
    }
    if (is_kind("short") && count > 1 && is_below(fd) && strikes()) count /= 2;
    return next(fd, buffer, count, offset);
}

ssize_t write(int fd, const void *buffer, size_t count) {
    NEXT(write);
    if (write_fails(fd)) return -1;
    return next(fd, buffer, count);
}

ssize_t pwrite64(int fd, const void *buffer, size_t count, off64_t offset) {
    NEXT(pwrite64);
    if (write_fails(fd)) return -1;
    return next(fd, buffer, count, offset);
}

int fsync(int fd) {
    NEXT(fsync);
    if (write_fails(fd)) return -1;
    return next(fd);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    NEXT(pthread_create);
    if (is_kind("thread") && strikes()) return EAGAIN;
    return next(thread, attributes, start, argument);
}

int rmdir(const char *path) {
    NEXT(rmdir);
    if (is_kind("moment") && atomic_fetch_add(&removing, 1) == 0) {
        UNTIL(is_mounted(path));
        if (is_mounted(path)) touch(getenv("GPTFS_FAULT_CLEAR"));
    }
    return next(path);
}
