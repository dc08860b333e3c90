// Preloaded into a process (LD_PRELOAD): of its operations on files below the folder FAULT_ROOT (open to write, write, truncate, sync, rename, make a
// folder), the one that the file FAULT_FILE arms fails, as on a full or broken disk. FAULT_FILE holds two 32-bit numbers that all processes share:
// in how many operations the fault comes (0: never), and how many operations there have been.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define MOST_FILES 65536
static char watched[MOST_FILES];
static const char *root;
static atomic_int *shared;

__attribute__((constructor)) static void begin(void) {
  root = getenv("FAULT_ROOT");
  const char *path = getenv("FAULT_FILE");
  int file = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  shared = mmap(NULL, 2 * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (root == NULL || shared == MAP_FAILED) {
    fprintf(stderr, "failOnce: FAULT_ROOT and FAULT_FILE are not set, or cannot be used\n");
    abort();
  }
  close(file);
}

// SQLite's shared memory is no file that a disk must hold.
static int below(const char *path) {
  size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return 0;
  return strncmp(path, root, strlen(root)) == 0;
}
static int isWatched(int file) { return file >= 0 && file < MOST_FILES && watched[file]; }

// Whether this operation is the one that fails.
static int fails(int error) {
  atomic_fetch_add(&shared[1], 1);
  int armed = atomic_load(&shared[0]);
  while (armed > 0 && !atomic_compare_exchange_weak(&shared[0], &armed, armed - 1)) {
  }
  if (armed != 1) return 0;
  errno = error;
  return 1;
}

#define OPEN(name)                                                                       \
  int name(const char *path, int flags, ...) {                                           \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;            \
    va_end(rest);                                                                        \
    int ours = below(path);                                                              \
    if (ours && (flags & (O_WRONLY | O_RDWR)) && fails(ENOSPC)) return -1;               \
    int file = REAL(name)(path, flags, mode);                                            \
    if (file >= 0 && file < MOST_FILES) watched[file] = (char)ours;                      \
    return file;                                                                         \
  }
OPEN(open)
OPEN(open64)

int close(int file) {
  if (file >= 0 && file < MOST_FILES) watched[file] = 0;
  return REAL(close)(file);
}

// What writes, with the parameters behind the descriptor.
#define ON_FILE(type, name, error, declared, passed)                                     \
  type name declared {                                                                   \
    if (isWatched(file) && fails(error)) return -1;                                      \
    return REAL(name) passed;                                                            \
  }
ON_FILE(ssize_t, write, ENOSPC, (int file, const void *bytes, size_t length), (file, bytes, length))
ON_FILE(ssize_t, pwrite, ENOSPC, (int file, const void *bytes, size_t length, off_t at), (file, bytes, length, at))
ON_FILE(ssize_t, pwrite64, ENOSPC, (int file, const void *bytes, size_t length, off64_t at), (file, bytes, length, at))
ON_FILE(ssize_t, writev, ENOSPC, (int file, const struct iovec *parts, int count), (file, parts, count))
ON_FILE(ssize_t, pwritev, ENOSPC, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at))
ON_FILE(ssize_t, pwritev64, ENOSPC, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at))
ON_FILE(int, ftruncate, EIO, (int file, off_t length), (file, length))
ON_FILE(int, ftruncate64, EIO, (int file, off64_t length), (file, length))
ON_FILE(int, fsync, EIO, (int file), (file))
ON_FILE(int, fdatasync, EIO, (int file), (file))

int rename(const char *from, const char *to) {
  if (below(to) && fails(EIO)) return -1;
  return REAL(rename)(from, to);
}
int mkdir(const char *path, mode_t mode) {
  if (below(path) && fails(ENOSPC)) return -1;
  return REAL(mkdir)(path, mode);
}
