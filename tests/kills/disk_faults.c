/* A disk that fails, for tests: preloaded (LD_PRELOAD), it counts the changes that a process makes to files below some
 * paths and lets one of them, or all from one on, end badly. `disk_faults.py` builds it and says what the variables mean.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum how { NONE, KILL, TORN, FULL, FAIL, READ_ONLY };

static const char *paths, *log_path, *switch_path;
static enum how how = NONE;
static long wanted = -1;
static atomic_long count;

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("DISK_FAULTS_HOW");
    paths = getenv("DISK_FAULTS_PATHS");
    log_path = getenv("DISK_FAULTS_LOG");
    switch_path = getenv("DISK_FAULTS_WHILE");
    if (text) {
        how = !strcmp(text, "kill") ? KILL : !strcmp(text, "torn") ? TORN : !strcmp(text, "full") ? FULL
            : !strcmp(text, "fail") ? FAIL : !strcmp(text, "read-only") ? READ_ONLY : NONE;
    }
    text = getenv("DISK_FAULTS_AT");
    if (text) wanted = atol(text);
}

static int below(const char *path) {
    for (const char *each = paths; each && *each;) {
        size_t length = strcspn(each, ":");
        if (!strncmp(path, each, length) && (path[length] == 0 || path[length] == '/' || path[length] == '.')) return 1;
        each += length + (each[length] == ':');
    }
    return 0;
}

static int path_of(int fd, char *path) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, name, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return 1;
}

static void note(long number, const char *operation, const char *path) {
    char line[PATH_MAX + 64];
    int fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, operation, path);
    if (fd >= 0) {
        syscall(SYS_write, fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
}

/* Counts a change; returns the errno that it ends with, 0 when it takes place, -1 when half of it does. `grows`: it
 * takes room on the disk; such changes alone fail when the disk is full. */
static int judge(const char *operation, const char *path, int grows) {
    if (!paths || !below(path)) return 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    if (log_path) note(number, operation, path);
    if (wanted >= 0 && number < wanted) return 0;
    if (wanted >= 0 && number > wanted && (how == KILL || how == TORN || how == FAIL)) return 0;
    if (switch_path && syscall(SYS_faccessat, AT_FDCWD, switch_path, F_OK) != 0) return 0;
    switch (how) {
    case KILL: raise(SIGKILL); return 0;
    case TORN: return -1;
    case FULL: return grows ? ENOSPC : 0;
    case FAIL: return EIO;
    case READ_ONLY: return EROFS;
    default: return 0;
    }
}

static int judge_fd(const char *operation, int fd, int grows) {
    char path[PATH_MAX];
    if (!paths || fd < 3 || !path_of(fd, path)) return 0;
    return judge(operation, path, grows);
}

#define ORDINARY(call, verdict)                       \
    do {                                              \
        int found = (verdict);                        \
        if (found < 0) raise(SIGKILL);                \
        if (found > 0) { errno = found; return -1; }  \
        return (call);                                \
    } while (0)

#define WRITING(call, half, verdict)                  \
    do {                                              \
        int found = (verdict);                        \
        if (found < 0) { (void)!(half); raise(SIGKILL); } \
        if (found > 0) { errno = found; return -1; }  \
        return (call);                                \
    } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    WRITING(real(fd, data, size), real(fd, data, size / 2), judge_fd("write", fd, 1));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    WRITING(real(fd, data, size, at), real(fd, data, size / 2, at), judge_fd("pwrite", fd, 1));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite64);
    WRITING(real(fd, data, size, at), real(fd, data, size / 2, at), judge_fd("pwrite", fd, 1));
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t size, unsigned flags) {
    REAL(copy_file_range);
    WRITING(real(in, in_at, out, out_at, size, flags), real(in, in_at, out, out_at, size / 2, flags),
            judge_fd("copy", out, 1));
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    ORDINARY(real(fd, size), judge_fd("truncate", fd, size > 0));
}

int ftruncate64(int fd, off_t size) {
    REAL(ftruncate64);
    ORDINARY(real(fd, size), judge_fd("truncate", fd, size > 0));
}

int fallocate(int fd, int mode, off_t at, off_t size) {
    REAL(fallocate);
    ORDINARY(real(fd, mode, at, size), judge_fd("allocate", fd, 1));
}

/* Forcing to disk changes nothing that a killed process leaves: only failing and read-only disks know it. */
int fsync(int fd) {
    REAL(fsync);
    ORDINARY(real(fd), how == FAIL ? judge_fd("force", fd, 0) : 0);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    ORDINARY(real(fd), how == FAIL ? judge_fd("force", fd, 0) : 0);
}

static int creates(int directory, const char *path, int flags) {
    char whole[PATH_MAX];
    if (!paths || !(flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR))) return 0;
    if (path[0] != '/') {
        if (directory == AT_FDCWD || !path_of(directory, whole)) return 0;
        size_t length = strlen(whole);
        snprintf(whole + length, sizeof whole - length, "/%s", path);
    } else {
        snprintf(whole, sizeof whole, "%s", path);
    }
    int there = syscall(SYS_faccessat, AT_FDCWD, whole, F_OK) == 0;
    if (how == READ_ONLY) return judge("open", whole, 0);
    if (!there && (flags & O_CREAT)) return judge("create", whole, 1);
    if (there && (flags & O_TRUNC)) return judge("empty", whole, 0);
    return 0;
}

#define MODE(flags, last)                                  \
    mode_t mode = 0;                                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                 \
        va_list rest;                                      \
        va_start(rest, last);                              \
        mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                      \
    }

int open(const char *path, int flags, ...) {
    REAL(open);
    MODE(flags, flags)
    ORDINARY(real(path, flags, mode), creates(AT_FDCWD, path, flags));
}

int open64(const char *path, int flags, ...) {
    REAL(open64);
    MODE(flags, flags)
    ORDINARY(real(path, flags, mode), creates(AT_FDCWD, path, flags));
}

int openat(int directory, const char *path, int flags, ...) {
    REAL(openat);
    MODE(flags, flags)
    ORDINARY(real(directory, path, flags, mode), creates(directory, path, flags));
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    int there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    ORDINARY(real(path, mode), there ? 0 : judge("mkdir", path, 1));
}

int link(const char *from, const char *to) {
    REAL(link);
    ORDINARY(real(from, to), judge("link", to, 1));
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    REAL(linkat);
    ORDINARY(real(from_directory, from, to_directory, to, flags), judge("link", to, 1));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    ORDINARY(real(from, to), judge("rename", to, 0));
}

int unlink(const char *path) {
    REAL(unlink);
    ORDINARY(real(path), syscall(SYS_faccessat, AT_FDCWD, path, F_OK) ? 0 : judge("unlink", path, 0));
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(unlinkat);
    ORDINARY(real(directory, path, flags), path[0] == '/' ? judge("unlink", path, 0) : 0);
}

int remove(const char *path) {
    REAL(remove);
    ORDINARY(real(path), syscall(SYS_faccessat, AT_FDCWD, path, F_OK) ? 0 : judge("unlink", path, 0));
}
