// Forks without a library in between.
#include <sys/syscall.h>
#include <unistd.h>
int main() {
  for (;;) syscall(SYS_fork);
}
