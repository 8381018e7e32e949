// Compiles without end.
template <int N>
struct Twice {
  static constexpr long value = Twice<N - 1>::value + Twice<N - 1>::value;
};
constexpr int count(int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) sum += (i ^ j) & 1;
  return sum;
}
template <int... N>
constexpr int all = (count(400 + N) + ...);
int main() { return all<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20>; }
