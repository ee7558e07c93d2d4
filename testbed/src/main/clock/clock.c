// A wall clock that can be stepped, for the processes of one host: preloaded into libvirtd and the daemon (and so into
// every QEMU that libvirtd starts: libvirt hands LD_PRELOAD on). The kernel has one wall clock for all hosts of the
// testbed; time namespaces move only the monotonic one.
//
// The step, in seconds, is in /etc/drover/clock-offset, and counts from the moment that it is written there. What a
// process reads as the time of day is stepped; CLOCK_MONOTONIC, as on a real host, is not. A wait until a time of day
// lasts as long as it would have without the step: a wait that is under way during a step is neither ended nor
// prolonged by it, unlike on a real host.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none, *offset = &none;

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_cond_clockwait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
static int (*real_mutex_timedlock)(pthread_mutex_t *, const struct timespec *);
static int (*real_sem_timedwait)(sem_t *, const struct timespec *);

static void find(void) {
  if (real_clock_gettime) return;
  // Of the condition variables there are two kinds: the unversioned name may mean the old one.
  real_cond_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  real_cond_clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  real_mutex_timedlock = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
  real_sem_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

__attribute__((constructor)) static void open_offset(void) {
  find();
  int fd = open("/etc/drover/clock-offset", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) offset = mapped;
  close(fd);
}

static int is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  find();
  int result = real_clock_gettime(clock, time);
  if (!result && is_wall_clock(clock)) time->tv_sec += *offset;
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds) *seconds = now.tv_sec;
  return now.tv_sec;
}

static struct timespec unstepped(const struct timespec *until) {
  struct timespec real = *until;
  real.tv_sec -= *offset;
  return real;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  find();
  // glibc keeps the clock that a condition variable was made for in bit 1 of this word: set for the monotonic one.
  if (condition->__data.__wrefs & 2) return real_cond_timedwait(condition, mutex, until);
  struct timespec real = unstepped(until);
  return real_cond_timedwait(condition, mutex, &real);
}

int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock, const struct timespec *restrict until) {
  find();
  struct timespec real = is_wall_clock(clock) ? unstepped(until) : *until;
  return real_cond_clockwait(condition, mutex, clock, &real);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  find();
  struct timespec real = unstepped(until);
  return real_mutex_timedlock(mutex, &real);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  find();
  struct timespec real = unstepped(until);
  return real_sem_timedwait(semaphore, &real);
}
