// Preloaded into a process and its children (LD_PRELOAD): each address that they connect or send to, and each name that they look up, is appended to the
// file CONNECTIONS_FILE, a line each. Sockets of this machine's file system are left out.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *text) {
  const char *path = getenv("CONNECTIONS_FILE");
  int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) abort();
  dprintf(file, "%s\n", text);
  close(file);
}

static void note_address(const struct sockaddr *address) {
  char text[INET6_ADDRSTRLEN];
  if (address == NULL) return;
  if (address->sa_family == AF_INET)
    note(inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text));
  if (address->sa_family == AF_INET6)
    note(inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text));
}

int connect(int file, const struct sockaddr *address, socklen_t length) {
  note_address(address);
  return REAL(connect)(file, address, length);
}

ssize_t sendto(int file, const void *bytes, size_t length, int flags, const struct sockaddr *address, socklen_t size) {
  note_address(address);
  return REAL(sendto)(file, bytes, length, flags, address, size);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  if (name != NULL) note(name);
  return REAL(getaddrinfo)(name, service, hints, found);
}
