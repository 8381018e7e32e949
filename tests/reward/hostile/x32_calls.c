// Makes x32 calls: the same kernel, other numbers.
#include <stdio.h>
#include <unistd.h>
int main() {
  if (syscall(0x40000000 | 39) > 0) {
    puts("ESCAPED");
    fflush(stdout);
  }
  return 0;
}
