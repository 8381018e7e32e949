// What the tests of row-wise ops share: repeatable numbers, tensors over vectors, equality of bits
// across columns.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "kernels/backend.h"

namespace r1 {

using Floats = std::vector<float>;

inline Floats normals(int64_t n, uint64_t stream, float scale = 1.0f) {
  Rng rng(17, stream);
  Floats values(n);
  for (float& value : values) value = scale * rng.normal();
  return values;
}

inline Tensor matrix(Floats& values, int64_t rows) {
  return Tensor(values.data(), Dtype::kF32,
                {rows, static_cast<int64_t>(values.size()) / (rows > 0 ? rows : 1)});
}

inline Tensor row_vector(Floats& values) {
  return Tensor(values.data(), Dtype::kF32, {static_cast<int64_t>(values.size())});
}

inline ThreadPool* test_pool(int n_threads) {
  static std::vector<std::unique_ptr<ThreadPool>> pools(8);
  if (!pools[n_threads]) pools[n_threads] = std::make_unique<ThreadPool>(n_threads);
  return pools[n_threads].get();
}

inline Launch reference_launch() { return {Backend::kReference, test_pool(1)}; }

inline bool equal_bits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// run(launch) returns every output; each column with 1, 2 and 3 threads must give the reference's
/// bits.
inline void expect_same_bits_everywhere(const std::string& what,
                                        const std::function<Floats(const Launch&)>& run) {
  const Floats expected = run(reference_launch());
  for (Backend backend : available_backends()) {
    for (int n_threads : {1, 2, 3}) {
      const Floats actual = run({backend, test_pool(n_threads)});
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t i = 0; i < actual.size(); ++i) {
        ASSERT_EQ(std::memcmp(&actual[i], &expected[i], sizeof(float)), 0)
            << what << ": " << backend_name(backend) << " with " << n_threads << " threads, output "
            << i << ": " << actual[i] << " but the reference has " << expected[i];
      }
    }
  }
}

inline Floats joined(std::initializer_list<Floats> parts) {
  Floats all;
  for (const Floats& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// (f(x + h) − f(x − h)) / 2h in double, for each element of x.
inline std::vector<double> central_differences(
    const Floats& x, const std::function<double(const std::vector<double>&)>& f) {
  constexpr double h = 1e-5;
  std::vector<double> at(x.begin(), x.end()), slope(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double middle = at[i];
    at[i] = middle + h;
    const double above = f(at);
    at[i] = middle - h;
    slope[i] = (above - f(at)) / (2 * h);
    at[i] = middle;
  }
  return slope;
}

inline void expect_near_all(const Floats& actual, const std::vector<double>& expected,
                            double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], tolerance * (1.0 + std::abs(expected[i])))
        << "element " << i;
  }
}

}  // namespace r1
