#include "reward/code_harness.h"

namespace r1 {

// Nothing here goes through the C library: the candidate may have put its own read() there. The
// token lies on a page that nobody may read until the asserts are over. No process of the candidate
// may make another: a child that answers first would tell its parent which guesses pass.
const char kNativeHarness[] = R"C(
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
static struct { char token[32]; char rest[65504]; } page __attribute__((aligned(65536)));
static long call(long number, long a, long b, long c) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
#else
#error "asserts in C and C++ need x86-64 or ARM64; use tests of standard input and output"
#endif
}
static void begin(void) {
  struct sock_filter only_threads[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __NR_fork
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fork, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_vfork, 4, 0),
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x10000 /* CLONE_THREAD */, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
  };
  struct sock_fprog program = {sizeof only_threads / sizeof only_threads[0], only_threads};
  call(__NR_read, 0, (long)page.token, sizeof page.token);
  call(__NR_mprotect, (long)&page, sizeof page, PROT_NONE);
  if (call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program)) call(__NR_exit_group, 3, 0, 0);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = begin;
void R1_FINISH(void);
void R1_FINISH(void) {
  call(__NR_mprotect, (long)&page, sizeof page, PROT_READ);
  call(__NR_write, 1, (long)"\n", 1);
  call(__NR_write, 1, (long)page.token, sizeof page.token);
  call(__NR_write, 1, (long)" 0 ok\n", 6);
  call(__NR_exit_group, 0, 0, 0);
}
void R1_FAIL(const char* text);
void R1_FAIL(const char* text) {
  long n = 0;
  while (text[n]) ++n;
  call(__NR_write, 2, (long)"failed: ", 8);
  call(__NR_write, 2, (long)text, n);
  call(__NR_exit_group, 1, 0, 0);
}
)C";

}  // namespace r1
