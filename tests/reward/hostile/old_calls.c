// Makes 32-bit calls, whose numbers the filter does not list.
#include <stdio.h>
#include <unistd.h>
int main() {
  long result = -1;
#ifdef __x86_64__
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
#endif
  if (result > 0) {
    puts("ESCAPED");
    fflush(stdout);
  }
  return 0;
}
