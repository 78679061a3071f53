/* Preloaded into a program: disks that hang or are full, clocks that step, and a note of what was really synced.
 *
 * Everything is told in one shared file (TRUNKLINE_SHIM, SHIM_OCTETS of it), laid out as struct control. sims/chaos/shim.py
 * writes and reads the same file. Without the file every call is the C library's own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CLOCKS 64
#define FILES 64

struct clock_step { int64_t pid; int64_t offset_us; };
struct synced { uint64_t inode; int64_t octets; };

struct control {
    int64_t hang_fsync;              /* not 0: fsync and fdatasync wait */
    int64_t waiting;                 /* calls that wait now */
    struct clock_step clocks[CLOCKS]; /* pid 0: free; pid -1: every process */
    struct synced files[FILES];      /* inode 0: free */
};

static volatile struct control *shared;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_gettimeofday)(struct timeval *, void *);
static time_t (*real_time)(time_t *);
static __thread int inside;

static void begin(void) {
    inside = 1;
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real_gettimeofday = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    real_time = (time_t (*)(time_t *))dlsym(RTLD_NEXT, "time");
    const char *path = getenv("TRUNKLINE_SHIM");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *found = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (found != MAP_FAILED) shared = found;
        close(file);
    }
    inside = 0;
}

static void start(void) { if (!inside) pthread_once(&once, begin); }

__attribute__((constructor)) static void loaded(void) { start(); }

static void note(int file, int64_t octets, uint64_t inode) {
    (void)file;
    pthread_mutex_lock(&writing);
    int at = -1;
    for (int i = 0; i < FILES; i++) {
        if (shared->files[i].inode == inode) { at = i; break; }
        if (at < 0 && shared->files[i].inode == 0) at = i;
    }
    if (at >= 0) {
        shared->files[at].octets = octets;
        __sync_synchronize();
        shared->files[at].inode = inode;
    }
    pthread_mutex_unlock(&writing);
}

static int synced(int file, int (*call)(int)) {
    struct stat before;
    if (!shared) return call(file);
    int known = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
    if (shared->hang_fsync) {
        __sync_fetch_and_add((int64_t *)&shared->waiting, 1);
        while (shared->hang_fsync) usleep(5000);
        __sync_fetch_and_sub((int64_t *)&shared->waiting, 1);
    }
    int result = call(file);
    /* What was in the file before the call is on disk after it. */
    if (result == 0 && known) note(file, before.st_size, before.st_ino);
    return result;
}

int fsync(int file) { start(); return synced(file, real_fsync); }
int fdatasync(int file) { start(); return synced(file, real_fdatasync); }

static int64_t offset_us(void) {
    if (!shared) return 0;
    int64_t mine = getpid(), found = 0;
    for (int i = 0; i < CLOCKS && shared->clocks[i].pid; i++)
        if (shared->clocks[i].pid == mine || shared->clocks[i].pid == -1) found = shared->clocks[i].offset_us;
    return found;
}

int clock_gettime(clockid_t which, struct timespec *at) {
    start();
    if (!real_clock_gettime) return -1;
    int result = real_clock_gettime(which, at);
    if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t by = offset_us();
        if (by) {
            int64_t ns = at->tv_nsec + (by % 1000000) * 1000;
            at->tv_sec += by / 1000000 + ns / 1000000000;
            at->tv_nsec = ns % 1000000000;
            if (at->tv_nsec < 0) { at->tv_nsec += 1000000000; at->tv_sec--; }
        }
    }
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    start();
    if (!real_gettimeofday) return -1;
    int result = real_gettimeofday(at, zone);
    if (result == 0) at->tv_sec += offset_us() / 1000000;
    return result;
}

time_t time(time_t *at) {
    start();
    time_t now = (real_time ? real_time(NULL) : 0) + offset_us() / 1000000;
    if (at) *at = now;
    return now;
}
