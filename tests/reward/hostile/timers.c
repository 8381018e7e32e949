// Orders a signal for after its death.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main() {
  int ends[2];
  if (pipe(ends)) return 1;
  for (int pid = 1; pid < 3000; ++pid) {
    if (pid == getpid()) continue;
    fcntl(ends[0], F_SETOWN, pid);
    fcntl(ends[0], F_SETSIG, SIGKILL);
    fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    if (write(ends[1], "x", 1) < 0) return 1;
  }
  return 0;
}
