/*
 * A machine whose clocks NTP slews: CLOCK_MONOTONIC and CLOCK_BOOTTIME run SLEW_RATE times as fast as they should, and so
 * do the timers that run by them. CLOCK_MONOTONIC_RAW and the wall clock stay true. For LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL

static double rate;
/* CLOCK_MONOTONIC_RAW when the slew began; the same in every process that comes of the first one. */
static int64_t began;

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static int64_t nanos(const struct timespec *time) { return time->tv_sec * BILLION + time->tv_nsec; }

static struct timespec spec(int64_t nanos) {
    if (nanos < 0) nanos = 0;
    return (struct timespec){.tv_sec = nanos / BILLION, .tv_nsec = nanos % BILLION};
}

static int64_t truth(clockid_t id) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = next("clock_gettime");
    struct timespec time;
    return real(id, &time) ? -1 : nanos(&time);
}

static void begin(void) {
    if (rate != 0) return;
    const char *asked = getenv("SLEW_RATE"), *since = getenv("SLEW_BEGAN");
    began = since ? atoll(since) : truth(CLOCK_MONOTONIC_RAW);
    rate = asked ? atof(asked) : 1;
}

__attribute__((constructor)) static void load(void) {
    begin();
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)began);
    setenv("SLEW_BEGAN", text, 1);
    const char *mark = getenv("SLEW_MARK");
    int file = mark ? open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (file >= 0) close(file);
}

static int slewed(clockid_t id) {
    return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME || id == CLOCK_BOOTTIME_ALARM;
}

static int64_t shift(void) {
    begin();
    return (int64_t)((rate - 1) * (double)(truth(CLOCK_MONOTONIC_RAW) - began));
}

int clock_gettime(clockid_t id, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = next("clock_gettime");
    int result = real(id, time);
    if (result == 0 && slewed(id)) *time = spec(nanos(time) + shift());
    return result;
}

/* A span by the slewed clock, as long as it takes. */
static int64_t span(int64_t nanos) {
    begin();
    return (int64_t)((double)nanos / rate);
}

static int span_ms(int ms) { return ms <= 0 ? ms : (int)((span(ms * 1000000LL) + 999999) / 1000000); }

/* An instant of the slewed clock, by the true one. */
static int64_t instant(clockid_t id, int64_t nanos) {
    int64_t now = truth(id);
    return now + span(nanos - (now + shift()));
}

int epoll_wait(int fd, struct epoll_event *events, int most, int ms) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) real = next("epoll_wait");
    return real(fd, events, most, span_ms(ms));
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int ms, const sigset_t *mask) {
    static int (*real)(int, struct epoll_event *, int, int, const sigset_t *);
    if (!real) real = next("epoll_pwait");
    return real(fd, events, most, span_ms(ms), mask);
}

int poll(struct pollfd *fds, nfds_t count, int ms) {
    static int (*real)(struct pollfd *, nfds_t, int);
    if (!real) real = next("poll");
    return real(fds, count, span_ms(ms));
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time, const sigset_t *mask) {
    static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    if (!real) real = next("ppoll");
    struct timespec scaled = time ? spec(span(nanos(time))) : spec(0);
    return real(fds, count, time ? &scaled : NULL, mask);
}

int nanosleep(const struct timespec *time, struct timespec *left) {
    static int (*real)(const struct timespec *, struct timespec *);
    if (!real) real = next("nanosleep");
    struct timespec scaled = spec(span(nanos(time)));
    return real(&scaled, left);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *time, struct timespec *left) {
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real) real = next("clock_nanosleep");
    struct timespec scaled = *time;
    if (!(flags & TIMER_ABSTIME)) scaled = spec(span(nanos(time)));
    else if (slewed(id)) scaled = spec(instant(id, nanos(time)));
    return real(id, flags, &scaled, left);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
    static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
    if (!real) real = next("timerfd_settime");
    struct itimerspec scaled = *new;
    int64_t first = nanos(&new->it_value);
    /* This project's timers run by CLOCK_BOOTTIME, which no call tells. */
    if (first) scaled.it_value = spec(flags & TFD_TIMER_ABSTIME ? instant(CLOCK_BOOTTIME, first) : span(first));
    return real(fd, flags, &scaled, old);
}
