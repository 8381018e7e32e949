#include "nn/norm.h"

#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

TEST(RmsNorm, GivesRowsUnitMeanSquareTimesTheWeight) {
  Bench bench;
  RmsNorm norm;
  norm.shape(2, 1e-12f);
  Home home;
  home.add("w", norm);
  home.build(bench.ctx.launch);
  norm.weight.weight.f32()[0] = 1.0f;
  norm.weight.weight.f32()[1] = 10.0f;
  const Floats y = floats_of(norm.forward(bench.ctx, bench.put({3, 4}, 1), nullptr));
  EXPECT_NEAR(y[0], 3 / std::sqrt(12.5), 1e-6);
  EXPECT_NEAR(y[1], 40 / std::sqrt(12.5), 1e-5);
}

TEST(RmsNorm, GradientEqualsCentralDifferencesAndDxIsAddedTo) {
  Bench bench;
  constexpr int64_t N = 3, C = 5;
  RmsNorm norm;
  norm.shape(C, 1e-3f);
  Home home;
  home.add("w", norm);
  home.build(bench.ctx.launch);
  const Floats x = normals(N * C, 1), dy = normals(N * C, 2), stream = normals(N * C, 3);
  RmsNorm::Saved saved;
  norm.forward(bench.ctx, bench.put(x, N), &saved);
  Tensor dx = bench.put(stream, N);
  norm.backward(bench.ctx, dx, bench.put(dy, N), saved);
  Values at = home.values();
  at["x"] = widened(x);
  auto gradients = home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(at, gradients, [&](const Values& v) {
    return in_double::dot(in_double::rmsnorm(v.at("x"), v.at("w"), norm.eps), widened(dy)) +
           in_double::dot(v.at("x"), widened(stream));
  });
}

}  // namespace
}  // namespace r1
