// A linear layer with an adapter, against central differences and against its dense self.
#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

constexpr int64_t kN = 3, kIn = 5, kOut = 7, kR = 2;
constexpr float kScale = 1.5f;

/// W (kOut, kIn) that learns, with an adapter of rank kR.
struct Adapted {
  Linear linear;
  Home home;
  explicit Adapted(const Launch& launch) {
    linear.shape(kOut, kIn);
    linear.adapt(kR, kScale);
    home.add("w", linear);
    home.add("a", linear.lora->a);
    home.add("b", linear.lora->b);
    home.build(launch);
  }
};

Doubles forward(const Values& v) {
  Doubles y = in_double::linear(v.at("x"), v.at("w"), kIn);
  const Doubles u = in_double::linear(v.at("x"), v.at("a"), kIn);
  const Doubles low = in_double::linear(u, v.at("b"), kR);
  for (size_t i = 0; i < y.size(); ++i) y[i] += kScale * low[i];
  return y;
}

TEST(Lora, AddsTheScaledProductOfItsHalves) {
  Bench bench;
  Adapted adapted(bench.ctx.launch);
  const Floats x = normals(kN * kIn, 1);
  Values at = adapted.home.values();
  at["x"] = widened(x);
  const Floats y = floats_of(adapted.linear.forward(bench.ctx, bench.put(x, kN)));
  const Doubles expected = forward(at);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-5);
}

TEST(Lora, GradientsEqualCentralDifferences) {
  Bench bench;
  Adapted adapted(bench.ctx.launch);
  const Floats x = normals(kN * kIn, 1), dy = normals(kN * kOut, 2);
  Tensor dx = bench.ctx.f32({kN, kIn});
  adapted.linear.backward(bench.ctx, dx, bench.put(dy, kN), bench.put(x, kN), false);
  Values at = adapted.home.values();
  at["x"] = widened(x);
  auto gradients = adapted.home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(at, gradients,
                   [&](const Values& v) { return in_double::dot(forward(v), widened(dy)); });
}

TEST(Lora, SwitchedOffItLeavesNoTrace) {
  Bench bench;
  Adapted adapted(bench.ctx.launch);
  Linear plain;
  Home home;
  plain.shape(kOut, kIn);
  home.add("w", plain);
  home.build(bench.ctx.launch);  // the same w: both draw it first
  Tensor x = bench.put(normals(kN * kIn, 1), kN), dy = bench.put(normals(kN * kOut, 2), kN);
  const Floats on = floats_of(adapted.linear.forward(bench.ctx, x));
  bench.ctx.adapters = false;
  const Floats off = floats_of(adapted.linear.forward(bench.ctx, x));
  EXPECT_FALSE(equal_bits(on, off));
  EXPECT_TRUE(equal_bits(off, floats_of(plain.forward(bench.ctx, x))));
  Tensor a = bench.ctx.f32({kN, kIn}), b = bench.ctx.f32({kN, kIn});
  adapted.linear.backward(bench.ctx, a, dy, x, false);
  plain.backward(bench.ctx, b, dy, x, false);
  EXPECT_TRUE(equal_bits(floats_of(a), floats_of(b)));
  EXPECT_EQ(adapted.home.gradients()["a"], Floats(kR * kIn, 0.0f));
}

}  // namespace
}  // namespace r1
