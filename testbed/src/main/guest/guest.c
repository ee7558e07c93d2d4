// The whole user space of a test guest: its only process, pid 1 of a Linux without a distribution.
//
// It speaks over the virtio console, one packet per line, with the observer on the other end:
//   T <sequence> <monotonic ms>          a heartbeat, every 10 ms
//   I boot=<id> uptime=<s> ...           about itself, every second
//   A <command id> <answer>              the answer to a command, once it is carried out
// and understands, one per line, "C <command id> ..." with
//   dirty <MiB> <MiB/s>   write to every page of that much memory in turn, at that rate (0 0: stop, give it back)
//   write <MiB/s>         write blocks of 4 KiB at random places of every writable disk, at that rate each (0: stop)
//   fill <disk> <MiB>     write the first so many MiB of a disk, as fast as it goes
//   verify                stop writing; read back every block ever written and every dirtied page, and compare
//   poweroff
// The power button (ACPI, as "virsh shutdown" presses it) switches it off, too.
// A command that is sent again (the answer was lost) is not carried out again.
//
// The same lines may stand on the kernel's command line: drover.dirty=64:20 drover.write=2
// and drover.ip=10.98.0.201 there gives eth0 that address in a /24.
//
// Every block says what it is: magic, disk, number, sequence, contents made from those, and a checksum. What was
// written last is also kept in memory, so a disk that lost a write on its way to another host gives itself away.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/input.h>
#include <net/if.h>
#include <sys/socket.h>

enum { BLOCK = 4096, WORDS = BLOCK / 8, RUN = 64, MAX_DISKS = 8, PAGE = 4096 };
static const uint64_t MAGIC = 0x4b425245564f5244ULL;  // "DROVERBK", little endian; DiskBlock.java has the same

static int console = -1;
static char boot_id[64] = "?";

static uint64_t monotonic_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&t, NULL);
}

// One line, one write: the console's driver makes one packet of it.
static void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (write(console, line, length) < 0) return;  // nobody to tell
}

// ---- memory

static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static char *memory;
static size_t memory_pages, memory_position;
static uint32_t memory_round = 1;
static double memory_rate;  // bytes per second
static uint64_t memory_dirtied;

static void page_write(size_t page, uint32_t round) {
  uint64_t *words = (uint64_t *)(memory + page * PAGE);
  words[1] = round;
  words[0] = MAGIC ^ page;
}

static void dirty(size_t mib, double mib_per_second) {
  pthread_mutex_lock(&memory_lock);
  size_t pages = mib << 20 >> 12;
  if (pages != memory_pages) {
    if (memory) munmap(memory, memory_pages * PAGE);
    memory = NULL;
    if (pages) {
      memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) memory = NULL, pages = 0;
    }
    memory_pages = pages;
    memory_position = 0;
    memory_round = 2;
    for (size_t page = 0; page < pages; page++) {
      memset(memory + page * PAGE, 1 + page % 250, PAGE);
      page_write(page, 1);
    }
  }
  memory_rate = mib_per_second * 1048576;
  pthread_mutex_unlock(&memory_lock);
}

static void *dirtier(void *unused) {
  (void)unused;
  uint64_t then = monotonic_ns();
  double owed = 0;
  for (;;) {
    sleep_ms(2);
    uint64_t now = monotonic_ns();
    pthread_mutex_lock(&memory_lock);
    owed += memory_rate * (now - then) / 1e9;
    then = now;
    // After a stand-still the debt is forgiven beyond a tenth of a second's worth.
    if (owed > memory_rate / 10) owed = memory_rate / 10;
    for (; memory_pages && owed >= PAGE; owed -= PAGE) {
      page_write(memory_position, memory_round);
      memory_dirtied += PAGE;
      if (++memory_position == memory_pages) memory_position = 0, memory_round++;
    }
    pthread_mutex_unlock(&memory_lock);
  }
  return NULL;
}

static void verify_memory(size_t *pages, size_t *bad) {
  pthread_mutex_lock(&memory_lock);
  *pages = memory_pages;
  *bad = 0;
  for (size_t page = 0; page < memory_pages; page++) {
    uint64_t *words = (uint64_t *)(memory + page * PAGE);
    uint32_t round = page < memory_position ? memory_round : memory_round - 1;
    unsigned char fill = 1 + page % 250;
    unsigned char *bytes = (unsigned char *)words;
    if (words[0] != (MAGIC ^ page) || words[1] != round || bytes[16] != fill || bytes[PAGE - 1] != fill) ++*bad;
  }
  pthread_mutex_unlock(&memory_lock);
}

// ---- disks

struct disk {
  int number, fd, present, writable;
  uint64_t blocks, sequence, written, failed;
  uint32_t *last;  // by block: the sequence last written and acknowledged; 0: never
  char *buffer, *reading;
  pthread_mutex_t lock;
  char device[32];
};
static struct disk disks[MAX_DISKS];
static double write_rate;  // bytes per second and disk

static uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

static uint64_t block_identity(uint64_t disk, uint64_t block, uint64_t sequence) {
  return mix(mix(mix(disk + 1) + block) + sequence);
}

static uint64_t block_checksum(const uint64_t *words) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (int i = 0; i < WORDS; i++)
    if (i != 4) hash = (hash ^ words[i]) * 0x100000001b3ULL;
  return hash;
}

static void block_make(uint64_t *words, uint64_t disk, uint64_t block, uint64_t sequence) {
  words[0] = MAGIC;
  words[1] = disk;
  words[2] = block;
  words[3] = sequence;
  uint64_t x = block_identity(disk, block, sequence) | 1;
  for (int i = 5; i < WORDS; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    words[i] = x;
  }
  words[4] = block_checksum(words);
}

static int block_good(const uint64_t *words, uint64_t disk, uint64_t block, uint64_t sequence) {
  return words[0] == MAGIC && words[1] == disk && words[2] == block && words[3] == sequence &&
         words[4] == block_checksum(words);
}

// The caller holds the disk's lock.
static int blocks_write(struct disk *disk, uint64_t block, int count) {
  uint64_t first = disk->sequence + 1;
  for (int i = 0; i < count; i++)
    block_make((uint64_t *)(disk->buffer + (size_t)i * BLOCK), disk->number, block + i, first + i);
  disk->sequence += count;
  ssize_t length = (ssize_t)count * BLOCK;
  if (pwrite(disk->fd, disk->buffer, length, block * BLOCK) != length) {
    disk->failed++;
    return 0;
  }
  for (int i = 0; i < count; i++) disk->last[block + i] = first + i;
  disk->written += count;
  return 1;
}

static void *disk_writer(void *argument) {
  struct disk *disk = argument;
  uint64_t then = monotonic_ns(), random = mix(disk->number + 77);
  double owed = 0;
  for (;;) {
    double rate = write_rate;
    uint64_t now = monotonic_ns();
    owed += rate * (now - then) / 1e9;
    then = now;
    if (owed > rate / 10 + BLOCK) owed = rate / 10 + BLOCK;
    if (rate <= 0) owed = 0;
    if (owed < BLOCK) {
      sleep_ms(2);
      continue;
    }
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    pthread_mutex_lock(&disk->lock);
    if (write_rate > 0) blocks_write(disk, (random >> 20) % disk->blocks, 1);
    pthread_mutex_unlock(&disk->lock);
    owed -= BLOCK;
  }
  return NULL;
}

static void fill(unsigned number, uint64_t mib, char *answer, size_t size) {
  struct disk *disk = number < MAX_DISKS ? &disks[number] : NULL;
  if (!disk || !disk->writable) {
    snprintf(answer, size, "error no writable disk %u", number);
    return;
  }
  uint64_t blocks = mib * 256;
  if (blocks > disk->blocks) blocks = disk->blocks;
  for (uint64_t block = 0; block < blocks; block += RUN) {
    pthread_mutex_lock(&disk->lock);
    int done = blocks_write(disk, block, block + RUN > blocks ? (int)(blocks - block) : RUN);
    pthread_mutex_unlock(&disk->lock);
    if (!done) {
      snprintf(answer, size, "error write of block %llu: %s", (unsigned long long)block, strerror(errno));
      return;
    }
  }
  snprintf(answer, size, "ok disk=%u blocks=%llu", number, (unsigned long long)blocks);
}

static int verify_disk(struct disk *disk, char *answer, size_t size) {
  uint64_t blocks = 0, bad = 0, digest = 0, first_bad = 0;
  pthread_mutex_lock(&disk->lock);
  for (uint64_t start = 0; start < disk->blocks; start += RUN) {
    int count = disk->blocks - start < RUN ? (int)(disk->blocks - start) : RUN, wanted = 0;
    for (int i = 0; i < count; i++) wanted += disk->last[start + i] != 0;
    if (!wanted) continue;
    ssize_t length = (ssize_t)count * BLOCK;
    int read_all = pread(disk->fd, disk->reading, length, start * BLOCK) == length;
    for (int i = 0; i < count; i++) {
      uint64_t sequence = disk->last[start + i];
      if (!sequence) continue;
      blocks++;
      digest ^= block_identity(disk->number, start + i, sequence);
      if (!read_all || !block_good((uint64_t *)(disk->reading + (size_t)i * BLOCK), disk->number, start + i, sequence))
        if (!bad++) first_bad = start + i;
    }
  }
  int length = snprintf(answer, size, "disk=%d blocks=%llu bad=%llu failed=%llu digest=%016llx firstbad=%llu ", disk->number,
                        (unsigned long long)blocks, (unsigned long long)bad, (unsigned long long)disk->failed,
                        (unsigned long long)digest, (unsigned long long)first_bad);
  pthread_mutex_unlock(&disk->lock);
  return length;
}

static void verify(char *answer, size_t size) {
  write_rate = 0;
  size_t pages, bad;
  verify_memory(&pages, &bad);
  int length = snprintf(answer, size, "ok memory pages=%zu bad=%zu ", pages, bad);
  for (int i = 0; i < MAX_DISKS; i++)
    if (disks[i].writable && length < (int)size - 128) length += verify_disk(&disks[i], answer + length, size - length);
}

// A disk's number comes from the serial number that the domain gives it, "drover-<number>".
static void find_disks(void) {
  DIR *directory = opendir("/sys/block");
  struct dirent *entry;
  while (directory && (entry = readdir(directory))) {
    if (strncmp(entry->d_name, "vd", 2)) continue;
    char path[300], serial[64] = "";
    snprintf(path, sizeof path, "/sys/block/%s/serial", entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (read(fd, serial, sizeof serial - 1) < 0) serial[0] = 0;
    close(fd);
    int number;
    char mode = 'w';
    if (sscanf(serial, "drover-%d-%c", &number, &mode) < 1 || number < 0 || number >= MAX_DISKS) continue;
    struct disk *disk = &disks[number];
    snprintf(disk->device, sizeof disk->device, "/dev/%.20s", entry->d_name);
    uint64_t bytes = 0;
    int read_only = 1;
    fd = open(disk->device, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) || ioctl(fd, BLKROGET, &read_only)) continue;
    disk->number = number;
    disk->fd = fd;
    disk->present = 1;
    disk->blocks = bytes / BLOCK;
    pthread_mutex_init(&disk->lock, NULL);
    if (read_only || mode != 'w') continue;
    close(fd);
    disk->fd = open(disk->device, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
    if (disk->fd < 0) continue;
    disk->last = calloc(disk->blocks, sizeof *disk->last);
    disk->writable = disk->last && !posix_memalign((void **)&disk->buffer, BLOCK, RUN * BLOCK) &&
                     !posix_memalign((void **)&disk->reading, BLOCK, RUN * BLOCK);
  }
  if (directory) closedir(directory);
}

// ---- talking

static void read_first(const char *path, char *into, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, into, size - 1);
  if (fd >= 0) close(fd);
  into[length > 0 ? length : 0] = 0;
  into[strcspn(into, " \n")] = 0;
}

static void *heart(void *unused) {
  (void)unused;
  struct sched_param urgent = {.sched_priority = 10};
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &urgent);
  uint64_t sequence = 0, next = monotonic_ns();
  for (;;) {
    uint64_t now = monotonic_ns();
    say("T %llu %llu", (unsigned long long)++sequence, (unsigned long long)(now / 1000000));
    next += 10000000;
    if (next < now) next = now;  // after a stand-still: no burst
    struct timespec until = {next / 1000000000, next % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  }
  return NULL;
}

static void *about(void *unused) {
  (void)unused;
  for (;;) {
    char uptime[64];
    read_first("/proc/uptime", uptime, sizeof uptime);
    char line[400];
    int length = snprintf(line, sizeof line, "I boot=%s uptime=%s dirtied=%llu", boot_id, uptime,
                          (unsigned long long)(memory_dirtied >> 20));
    for (int i = 0; i < MAX_DISKS; i++)
      if (disks[i].present && length < (int)sizeof line - 64)
        length += snprintf(line + length, sizeof line - length, " disk%d=%llu failed%d=%llu", i,
                           (unsigned long long)disks[i].written, i, (unsigned long long)disks[i].failed);
    say("%s", line);
    sleep_ms(1000);
  }
  return NULL;
}

static void obey(char *command, char *answer, size_t size) {
  double rate;
  unsigned long long mib;
  unsigned number;
  snprintf(answer, size, "ok");
  if (sscanf(command, "dirty %llu %lf", &mib, &rate) == 2) dirty(mib, rate);
  else if (sscanf(command, "write %lf", &rate) == 1) write_rate = rate * 1048576;
  else if (sscanf(command, "fill %u %llu", &number, &mib) == 2) fill(number, mib, answer, size);
  else if (!strcmp(command, "verify")) verify(answer, size);
  else if (!strcmp(command, "poweroff")) reboot(RB_POWER_OFF);
  else snprintf(answer, size, "error unknown command '%s'", command);
}

// With several input devices each has a thread of its own: no epoll for what happens once in a life.
static void *power_button(void *path) {
  int fd = -1;
  for (int tries = 0; tries < 200 && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0; tries++) sleep_ms(50);
  struct input_event event;
  while (fd >= 0 && read(fd, &event, sizeof event) == sizeof event)
    if (event.type == EV_KEY && event.code == KEY_POWER && event.value) {
      write_rate = 0;
      sleep_ms(200);  // what is being written ends
      reboot(RB_POWER_OFF);
    }
  return NULL;
}

static void listen_for_commands(void) {
  static char line[512], answer[480];
  static unsigned long long answered;
  size_t length = 0;
  for (;;) {
    char byte;
    ssize_t got = read(console, &byte, 1);
    if (got != 1) {
      sleep_ms(20);
      continue;
    }
    if (byte != '\n' && byte != '\r') {
      if (length < sizeof line - 1) line[length++] = byte;
      continue;
    }
    line[length] = 0;
    length = 0;
    unsigned long long id;
    int start = 0;
    if (sscanf(line, "C %llu %n", &id, &start) < 1 || !start) continue;
    if (id != answered) obey(line + start, answer, sizeof answer);
    answered = id;
    say("A %llu %s", id, answer);
  }
}

static void load(const char *module) {
  char path[80];
  snprintf(path, sizeof path, "/lib/%.63s.ko", module);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // built into this kernel
  if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST) printf("GUEST cannot load %s: %s\n", module, strerror(errno));
  close(fd);
}

static void set_address(const char *address) {
  struct ifreq request = {0};
  struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strcpy(request.ifr_name, "eth0");
  in->sin_family = AF_INET;
  int failed = fd < 0 || !inet_aton(address, &in->sin_addr) || ioctl(fd, SIOCSIFADDR, &request);
  inet_aton("255.255.255.0", &in->sin_addr);
  failed = failed || ioctl(fd, SIOCSIFNETMASK, &request) || ioctl(fd, SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  if (failed || ioctl(fd, SIOCSIFFLAGS, &request)) printf("GUEST cannot set %s: %s\n", address, strerror(errno));
  if (fd >= 0) close(fd);
}

static void obey_kernel_command_line(void) {
  char line[2048] = "";
  int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, line, sizeof line - 1) < 0) return;
  close(fd);
  char *position;
  unsigned long long mib;
  double rate;
  if ((position = strstr(line, "drover.dirty=")) && sscanf(position, "drover.dirty=%llu:%lf", &mib, &rate) == 2) dirty(mib, rate);
  char address[16];
  if ((position = strstr(line, "drover.ip=")) && sscanf(position, "drover.ip=%15[0-9.]", address) == 1) set_address(address);
  if ((position = strstr(line, "drover.write=")) && sscanf(position, "drover.write=%lf", &rate) == 1) write_rate = rate * 1048576;
}

int main(void) {
  mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  FILE *order = fopen("/lib/order", "r");
  char module[64];
  while (order && fscanf(order, "%63s", module) == 1) load(module);
  if (order) fclose(order);
  for (int tries = 0; tries < 500 && (console = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0; tries++) sleep_ms(10);
  if (console < 0) printf("GUEST has no virtio console\n");
  struct termios raw;
  if (!tcgetattr(console, &raw)) {
    cfmakeraw(&raw);
    tcsetattr(console, TCSANOW, &raw);
  }
  read_first("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
  find_disks();
  pthread_t thread;
  pthread_create(&thread, NULL, heart, NULL);
  pthread_create(&thread, NULL, about, NULL);
  pthread_create(&thread, NULL, dirtier, NULL);
  pthread_create(&thread, NULL, power_button, "/dev/input/event0");
  pthread_create(&thread, NULL, power_button, "/dev/input/event1");
  pthread_create(&thread, NULL, power_button, "/dev/input/event2");
  for (int i = 0; i < MAX_DISKS; i++)
    if (disks[i].writable) pthread_create(&thread, NULL, disk_writer, &disks[i]);
  obey_kernel_command_line();
  listen_for_commands();
}
