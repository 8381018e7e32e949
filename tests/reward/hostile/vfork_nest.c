// Children that hold their parents, one in another.
#include <unistd.h>
int main() {
  for (;;) vfork();
}
