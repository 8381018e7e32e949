#include "nn/linear.h"

#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

TEST(Linear, SwapsColumnsWithAPermutation) {
  Bench bench;
  Linear linear;
  linear.shape(2, 2);
  Home home;
  home.add("w", linear);
  home.build(bench.ctx.launch);
  const float swap[] = {0, 1, 1, 0};
  std::memcpy(linear.weight.master.data, swap, sizeof swap);
  home.refresh(bench.ctx.launch);
  EXPECT_EQ(floats_of(linear.forward(bench.ctx, bench.put({1, 2, 3, 4}, 2))), (Floats{2, 1, 4, 3}));
}

TEST(Linear, GradientEqualsCentralDifferencesAndAdds) {
  Bench bench;
  constexpr int64_t N = 3, in = 5, out = 7;
  Linear linear;
  linear.shape(out, in);
  Home home;
  home.add("w", linear);
  home.build(bench.ctx.launch);
  const Floats x = normals(N * in, 1), dy = normals(N * out, 2);
  Tensor tx = bench.put(x, N), tdy = bench.put(dy, N), dx = bench.ctx.f32({N, in});
  linear.backward(bench.ctx, dx, tdy, tx, false);
  Values at = home.values();
  at["x"] = widened(x);
  auto gradients = home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(at, gradients, [&](const Values& v) {
    return in_double::dot(in_double::linear(v.at("x"), v.at("w"), in), widened(dy));
  });

  linear.backward(bench.ctx, dx, tdy, tx, true);  // both add
  for (int64_t i = 0; i < dx.numel(); ++i) EXPECT_NEAR(dx.f32()[i], 2 * gradients["x"][i], 1e-5);
  const Floats twice = home.gradients()["w"];
  for (size_t i = 0; i < twice.size(); ++i) EXPECT_NEAR(twice[i], 2 * gradients["w"][i], 1e-5);
  linear.backward(bench.ctx, Tensor(), tdy, tx, false);  // no dx asked
  EXPECT_NEAR(home.gradients()["w"][0], 3 * gradients["w"][0], 1e-5);
}

TEST(Linear, BfloatWeightsComputeAsTheirWidenedValues) {
  Bench bench;
  constexpr int64_t N = 4, in = 33, out = 35;
  Linear narrow, wide;
  Home narrow_home, wide_home;
  narrow.shape(out, in);
  wide.shape(out, in);
  narrow_home.add("w", narrow);
  wide_home.add("w", wide);
  narrow_home.build(bench.ctx.launch, Dtype::kBF16);
  wide_home.build(bench.ctx.launch);
  for (int64_t i = 0; i < out * in; ++i) {
    wide.weight.weight.f32()[i] = bf16_to_f32(f32_to_bf16(narrow.weight.master.f32()[i]));
  }
  wide_home.refresh(bench.ctx.launch);
  Tensor x = bench.put(normals(N * in, 3), N), dy = bench.put(normals(N * out, 4), N);
  EXPECT_TRUE(
      equal_bits(floats_of(narrow.forward(bench.ctx, x)), floats_of(wide.forward(bench.ctx, x))));
  Tensor a = bench.ctx.f32({N, in}), b = bench.ctx.f32({N, in});
  narrow.backward(bench.ctx, a, dy, x, false);
  wide.backward(bench.ctx, b, dy, x, false);
  EXPECT_TRUE(equal_bits(floats_of(a), floats_of(b)));
  EXPECT_TRUE(equal_bits(narrow_home.gradients()["w"], wide_home.gradients()["w"]));
}

}  // namespace
}  // namespace r1
