// A program of many gigabytes from few lines.
int hoard[1L << 30] = {1};
int main() { return hoard[3]; }
