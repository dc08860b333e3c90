// Preloaded into a process (LD_PRELOAD): appends to the file RECORD_LOG what the process does to files below the folder RECORD_ROOT, in the order in which
// it is told that each thing is done, so that a test can work out what a disk holds after a power cut at any moment. `recordedDisk.ts` reads it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MAKE_FOLDER };

struct record {
  uint32_t what, process, lengthA, lengthB;
  uint64_t inode, at;
};

#define MOST_FILES 65536
// By descriptor: the inode that it was opened for; 0 for those of no interest.
static uint64_t watched[MOST_FILES];
static char root[PATH_MAX];
static size_t rootLength;
static int logFile = -1;
static atomic_ulong syncs;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void fail(const char *what) {
  fprintf(stderr, "recordWrites: %s\n", what);
  abort();
}

__attribute__((constructor)) static void begin(void) {
  const char *given = getenv("RECORD_ROOT"), *path = getenv("RECORD_LOG");
  if (given == NULL || path == NULL) fail("RECORD_ROOT and RECORD_LOG are not set");
  strncpy(root, given, sizeof root - 1);
  rootLength = strlen(root);
  logFile = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (logFile < 0) fail("RECORD_LOG cannot be written");
}

// One appending write a record: whole, and in one order for all processes.
static void tell(uint32_t what, uint64_t inode, uint64_t at, const void *a, size_t lengthA, const void *b, size_t lengthB) {
  int before = errno;
  struct record head = {what, (uint32_t)getpid(), (uint32_t)lengthA, (uint32_t)lengthB, inode, at};
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)a, lengthA}, {(void *)b, lengthB}};
  if (syscall(SYS_writev, logFile, parts, 3) != (ssize_t)(sizeof head + lengthA + lengthB)) fail("a record is cut");
  errno = before;
}

static int below(const char *path) {
  size_t length = strlen(path);
  // SQLite's shared memory is no part of what lasts.
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return 0;
  return strncmp(path, root, rootLength) == 0 && (path[rootLength] == '/' || path[rootLength] == 0);
}

// A change of names and its record are one step for all threads and processes.
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;
static void lockNames(void) {
  pthread_mutex_lock(&names);
  while (flock(logFile, LOCK_EX) != 0) {
  }
}
static void unlockNames(void) {
  int before = errno;
  flock(logFile, LOCK_UN);
  pthread_mutex_unlock(&names);
  errno = before;
}

static uint64_t inodeOf(int file) {
  struct stat facts;
  return fstat(file, &facts) == 0 ? facts.st_ino : 0;
}

// A descriptor may have been closed by ways that go by this.
static int isWatched(int file) { return file >= 0 && file < MOST_FILES && watched[file] != 0 && watched[file] == inodeOf(file); }

static int openBelow(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  lockNames();
  int made = (flags & O_CREAT) != 0;
  int file = real(path, made ? flags | O_EXCL : flags, mode);
  if (file < 0 && errno == EEXIST && !(flags & O_EXCL)) {
    made = 0;
    file = real(path, flags & ~O_CREAT, mode);
  }
  if (file >= MOST_FILES) fail("too many open files");
  if (file >= 0) {
    watched[file] = inodeOf(file);
    if (made) tell(CREATE, inodeOf(file), 0, path, strlen(path), NULL, 0);
    else if (flags & O_TRUNC) tell(TRUNCATE, inodeOf(file), 0, NULL, 0, NULL, 0);
  }
  unlockNames();
  return file;
}

#define OPEN(name)                                                                       \
  int name(const char *path, int flags, ...) {                                           \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;            \
    va_end(rest);                                                                        \
    if (below(path)) return openBelow(REAL(name), path, flags, mode);                    \
    int file = REAL(name)(path, flags, mode);                                            \
    if (file >= 0 && file < MOST_FILES) watched[file] = 0;                               \
    return file;                                                                         \
  }
OPEN(open)
OPEN(open64)

int close(int file) {
  if (file >= 0 && file < MOST_FILES) watched[file] = 0;
  return REAL(close)(file);
}

static uint64_t position(int file) {
  int flags = fcntl(file, F_GETFL);
  return (uint64_t)lseek(file, 0, (flags & O_APPEND) ? SEEK_END : SEEK_CUR);
}

static ssize_t wrote(int file, const void *bytes, ssize_t length, uint64_t at) {
  if (length > 0) tell(WRITE, inodeOf(file), at, bytes, (size_t)length, NULL, 0);
  return length;
}

ssize_t write(int file, const void *bytes, size_t length) {
  if (!isWatched(file)) return REAL(write)(file, bytes, length);
  uint64_t at = position(file);
  return wrote(file, bytes, REAL(write)(file, bytes, length), at);
}

#define PWRITE(name, offset)                                                             \
  ssize_t name(int file, const void *bytes, size_t length, offset at) {                  \
    ssize_t done = REAL(name)(file, bytes, length, at);                                  \
    return isWatched(file) ? wrote(file, bytes, done, (uint64_t)at) : done;              \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static ssize_t wroteParts(int file, const struct iovec *parts, int count, ssize_t done, uint64_t at) {
  ssize_t left = done;
  for (int part = 0; part < count && left > 0; part++) {
    ssize_t length = (ssize_t)parts[part].iov_len < left ? (ssize_t)parts[part].iov_len : left;
    wrote(file, parts[part].iov_base, length, at);
    at += (uint64_t)length;
    left -= length;
  }
  return done;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  if (!isWatched(file)) return REAL(writev)(file, parts, count);
  uint64_t at = position(file);
  return wroteParts(file, parts, count, REAL(writev)(file, parts, count), at);
}

#define PWRITEV(name, offset)                                                            \
  ssize_t name(int file, const struct iovec *parts, int count, offset at) {              \
    ssize_t done = REAL(name)(file, parts, count, at);                                   \
    return isWatched(file) ? wroteParts(file, parts, count, done, (uint64_t)at) : done;  \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define FTRUNCATE(name, offset)                                                          \
  int name(int file, offset length) {                                                    \
    int result = REAL(name)(file, length);                                               \
    if (result == 0 && isWatched(file)) tell(TRUNCATE, inodeOf(file), (uint64_t)length, NULL, 0, NULL, 0); \
    return result;                                                                       \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

// What was done before a sync began is on disk when it has ended.
#define SYNC(name)                                                                       \
  int name(int file) {                                                                   \
    if (!isWatched(file)) return REAL(name)(file);                                       \
    uint64_t inode = inodeOf(file), sync = atomic_fetch_add(&syncs, 1);                  \
    tell(SYNC_BEGIN, inode, sync, NULL, 0, NULL, 0);                                     \
    int result = REAL(name)(file);                                                       \
    if (result == 0) tell(SYNC_END, inode, sync, NULL, 0, NULL, 0);                      \
    return result;                                                                       \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
  if (below(from) != below(to)) fail("a file is moved into or out of the folder");
  if (!below(from)) return REAL(rename)(from, to);
  lockNames();
  int result = REAL(rename)(from, to);
  if (result == 0) tell(RENAME, 0, 0, from, strlen(from), to, strlen(to));
  unlockNames();
  return result;
}

static int removeName(int (*real)(const char *), const char *path) {
  if (!below(path)) return real(path);
  lockNames();
  int result = real(path);
  if (result == 0) tell(UNLINK, 0, 0, path, strlen(path), NULL, 0);
  unlockNames();
  return result;
}
int unlink(const char *path) { return removeName(REAL(unlink), path); }
int rmdir(const char *path) { return removeName(REAL(rmdir), path); }

int mkdir(const char *path, mode_t mode) {
  if (!below(path)) return REAL(mkdir)(path, mode);
  lockNames();
  int result = REAL(mkdir)(path, mode);
  struct stat facts;
  if (result == 0) {
    if (stat(path, &facts) != 0) fail("stat of a new folder");
    tell(MAKE_FOLDER, facts.st_ino, 0, path, strlen(path), NULL, 0);
  }
  unlockNames();
  return result;
}

// What this does not follow ends the process, so that nothing goes by unseen.
int openat(int folder, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if (below(path) && (flags & (O_WRONLY | O_RDWR))) fail("openat");
  return REAL(openat)(folder, path, flags, mode);
}
int unlinkat(int folder, const char *path, int flags) {
  if (isWatched(folder) || below(path)) fail("unlinkat");
  return REAL(unlinkat)(folder, path, flags);
}
int link(const char *from, const char *to) {
  if (below(to)) fail("link");
  return REAL(link)(from, to);
}
int symlink(const char *from, const char *to) {
  if (below(to)) fail("symlink");
  return REAL(symlink)(from, to);
}
int truncate(const char *path, off_t length) {
  if (below(path)) fail("truncate");
  return REAL(truncate)(path, length);
}
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *toAt, size_t length, unsigned int flags) {
  if (isWatched(to)) fail("copy_file_range");
  return REAL(copy_file_range)(from, at, to, toAt, length, flags);
}
int posix_fallocate(int file, off_t at, off_t length) {
  if (isWatched(file)) fail("posix_fallocate");
  return REAL(posix_fallocate)(file, at, length);
}
int fallocate(int file, int mode, off_t at, off_t length) {
  if (isWatched(file)) fail("fallocate");
  return REAL(fallocate)(file, mode, at, length);
}
