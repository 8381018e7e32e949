// Calls itself without end.
int down(volatile int* above) {
  volatile int here[1024] = {*above};
  return down(here) + here[7];
}
int main() {
  int zero = 0;
  return down(&zero);
}
