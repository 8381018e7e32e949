#include "nn/parameter.h"

#include "nn/fixtures.h"

namespace r1 {
namespace {

Parameter parameter(std::vector<int64_t> shape, bool keep_f32 = false) {
  Parameter p;
  p.shape = std::move(shape);
  p.keep_f32 = keep_f32;
  return p;
}

TEST(ParameterStore, WeightsOfAFloatModelAreItsMasters) {
  Parameter a = parameter({3, 5}), b = parameter({17});
  ParameterStore store;
  store.allocate({&a, &b}, Dtype::kF32, StoreUse::kTraining);
  EXPECT_EQ(a.weight.data, a.master.data);
  EXPECT_EQ(store.numel(), 16 + 32);  // each padded to 16
  EXPECT_EQ(b.master.f32() - a.master.f32(), 16);
  EXPECT_EQ(b.grad.f32() - a.grad.f32(), 16);
  EXPECT_EQ(a.weight.shape_text(), "(3, 5)");
  EXPECT_EQ(store.n_bytes(), 2 * 48 * 4);
  for (float x : floats_of(store.grads())) EXPECT_EQ(x, 0.0f);
}

TEST(ParameterStore, ABfloatModelRoundsItsMastersAndKeepsNormsInFloat) {
  Parameter matrix = parameter({3, 5}), norm = parameter({7}, true);
  ParameterStore store;
  store.allocate({&matrix, &norm}, Dtype::kBF16, StoreUse::kTraining);
  ASSERT_EQ(matrix.weight.dtype, Dtype::kBF16);
  ASSERT_EQ(norm.weight.dtype, Dtype::kF32);
  const float x = 1.00390625f * 1.001f;  // between two bf16 numbers
  for (int64_t i = 0; i < 15; ++i) matrix.master.f32()[i] = x;
  for (int64_t i = 0; i < 7; ++i) norm.master.f32()[i] = x;
  store.round_weights(*test_pool(2));
  EXPECT_EQ(matrix.weight.u16()[14], f32_to_bf16(x));
  EXPECT_EQ(norm.weight.f32()[6], bf16_to_f32(f32_to_bf16(x)));
  EXPECT_EQ(norm.master.f32()[6], x);
  EXPECT_EQ(matrix.master.f32()[0], x);
}

TEST(ParameterStore, InferenceNeedsNoMastersAndNoGradients) {
  Parameter a = parameter({4, 4}), norm = parameter({7}, true);
  ParameterStore store;
  store.allocate({&a, &norm}, Dtype::kBF16, StoreUse::kReference);
  EXPECT_TRUE(a.master.empty());
  EXPECT_TRUE(a.grad.empty());
  EXPECT_EQ(store.n_bytes(), (16 + 16) * 2 + 16 * 4);
  norm.weight.f32()[0] = 1.001f;
  store.round_weights(*test_pool(1));
  EXPECT_EQ(norm.weight.f32()[0], bf16_to_f32(f32_to_bf16(1.001f)));
}

TEST(ParameterStore, APlanCountsTheSameBytesAndTakesNone) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    Parameter a = parameter({3, 5}), b = parameter({9}, true);
    Parameter c = a, d = b;
    ParameterStore real, plan;
    real.allocate({&a, &b}, dtype, StoreUse::kTraining);
    plan.allocate({&c, &d}, dtype, StoreUse::kPlan);
    EXPECT_EQ(plan.n_bytes(), real.n_bytes());
    EXPECT_EQ(c.weight.data, nullptr);
    EXPECT_EQ(d.weight.dtype, b.weight.dtype);
    EXPECT_EQ(c.weight.shape_text(), "(3, 5)");
  }
}

TEST(ParameterStore, ZeroGradsClearsThemAll) {
  Parameter a = parameter({3, 5});
  ParameterStore store;
  store.allocate({&a}, Dtype::kF32, StoreUse::kTraining);
  a.grad.f32()[7] = 3.0f;
  store.zero_grads();
  EXPECT_EQ(a.grad.f32()[7], 0.0f);
}

}  // namespace
}  // namespace r1
