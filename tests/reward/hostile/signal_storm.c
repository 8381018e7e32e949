// Processes that signal each other without end.
#include <signal.h>
#include <unistd.h>
int main() {
  signal(SIGUSR1, SIG_IGN);
  for (int i = 0; i < 5; ++i) fork();
  for (;;) kill(-1, SIGUSR1);
}
