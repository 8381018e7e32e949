// A module of multi-token prediction: values and gradients against the same in double.
#include "nn/mtp.h"

#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

using namespace in_double;

constexpr int64_t C = 5, H = 2, D = 4, F = 7;
constexpr double kTheta = 100.0;

void shape(Mtp& mtp, const RopeTable& table) {
  mtp.eh_proj.shape(C, 2 * C);
  auto& attention = std::get<Attention>(mtp.block.self_attn);
  attention.core.n_heads = H;
  attention.core.n_kv_heads = 1;
  attention.core.head_dim = D;
  attention.core.scale = 0.5f;  // 1 / sqrt(D)
  attention.rope_table = &table;
  attention.q_proj.shape(H * D, C);
  attention.k_proj.shape(D, C);
  attention.v_proj.shape(D, C);
  attention.o_proj.shape(C, H * D);
  auto& mlp = std::get<Mlp>(mtp.block.mlp);
  mlp.gate_proj.shape(F, C);
  mlp.up_proj.shape(F, C);
  mlp.down_proj.shape(C, F);
  for (RmsNorm* norm : {&mtp.enorm, &mtp.hnorm, &mtp.norm, &mtp.block.input_layernorm,
                        &mtp.block.post_attention_layernorm}) {
    norm->shape(C, 1e-5f);
  }
}

/// h^k for e and h (N, C).                                          [DeepSeek-V3, eqs. 21 and 22]
Doubles output(const Values& v, const PackedRows& packed) {
  const auto w = [&](const char* name) { return v.at(name); };
  const Doubles e = rmsnorm(v.at("e"), w("enorm.weight"), 1e-5f),
                h = rmsnorm(v.at("h"), w("hnorm.weight"), 1e-5f);
  Doubles both;
  for (int64_t n = 0; n < packed.n_rows(); ++n) {
    both.insert(both.end(), e.begin() + n * C, e.begin() + (n + 1) * C);
    both.insert(both.end(), h.begin() + n * C, h.begin() + (n + 1) * C);
  }
  Doubles y = in_double::linear(both, w("eh_proj.weight"), 2 * C);
  const Doubles x = rmsnorm(y, w("input_layernorm.weight"), 1e-5f);
  Doubles q = in_double::linear(x, w("self_attn.q_proj.weight"), C),
          k = in_double::linear(x, w("self_attn.k_proj.weight"), C);
  rotate(q, packed.positions, D, kTheta);
  rotate(k, packed.positions, D, kTheta);
  const Doubles values = in_double::linear(x, w("self_attn.v_proj.weight"), C);
  add_to(y, in_double::linear(attend(q, k, values, packed.lengths, H, 1, D),
                              w("self_attn.o_proj.weight"), H * D));
  const Doubles x2 = rmsnorm(y, w("post_attention_layernorm.weight"), 1e-5f);
  add_to(y, in_double::linear(swiglu(in_double::linear(x2, w("mlp.gate_proj.weight"), C),
                                     in_double::linear(x2, w("mlp.up_proj.weight"), C)),
                              w("mlp.down_proj.weight"), F));
  return y;
}

struct MtpRun {
  Floats out, inference;
  std::map<std::string, Floats> gradients;
  Values values;
};

MtpRun run_mtp(const PackedRows& packed, bool recompute, const Launch& launch) {
  Bench bench(launch);
  bench.ctx.recompute = recompute;
  const int64_t N = packed.n_rows();
  RopeTable table;
  table.build(100, D, kTheta);
  Mtp mtp;
  shape(mtp, table);
  Home home;
  home.add_all(mtp);
  home.build(launch);
  const Floats e = normals(N * C, 1), h = normals(N * C, 2), dy = normals(N * C, 3);
  MtpRun run;
  run.values = home.values();
  run.values["e"] = widened(e);
  run.values["h"] = widened(h);
  Tensor te = bench.put(e, N), th = bench.put(h, N);
  Mtp::Saved saved;
  run.inference = floats_of(mtp.forward(bench.ctx, packed.rows(), 3, te, th, nullptr));
  run.out = floats_of(mtp.forward(bench.ctx, packed.rows(), 3, te, th, &saved));
  Tensor de = bench.arena.zeros(Dtype::kF32, {N, C}), dh = bench.arena.zeros(Dtype::kF32, {N, C});
  mtp.backward(bench.ctx, packed.rows(), 3, de, dh, bench.put(dy, N), saved);
  run.gradients = home.gradients();
  run.gradients["e"] = floats_of(de);
  run.gradients["h"] = floats_of(dh);
  EXPECT_EQ(floats_of(te), e);
  EXPECT_EQ(floats_of(th), h);
  return run;
}

TEST(Mtp, GradientEqualsCentralDifferences) {
  const PackedRows packed({3, 1, 2});
  const MtpRun mtp = run_mtp(packed, false, best_launch());
  expect_near_all(mtp.out, output(mtp.values, packed), 1e-5);
  const Doubles dy = widened(normals(packed.n_rows() * C, 3));
  expect_gradients(
      mtp.values, mtp.gradients, [&](const Values& v) { return dot(output(v, packed), dy); }, 5e-5);
}

TEST(Mtp, InferenceAndRecomputingGiveTheSameBits) {
  const PackedRows packed({66, 3});
  const MtpRun kept = run_mtp(packed, false, best_launch()),
               again = run_mtp(packed, true, best_launch());
  EXPECT_TRUE(equal_bits(kept.out, kept.inference));
  EXPECT_TRUE(equal_bits(kept.out, again.out));
  for (const auto& [name, gradient] : kept.gradients) {
    EXPECT_TRUE(equal_bits(gradient, again.gradients.at(name))) << name;
  }
}

TEST(Mtp, GivesTheSameBitsOnEveryBackendAndThreadCount) {
  const PackedRows packed({66, 3});
  expect_same_bits_everywhere("mtp", [&](const Launch& launch) {
    MtpRun mtp = run_mtp(packed, false, launch);
    for (const auto& [name, gradient] : mtp.gradients) {
      mtp.out.insert(mtp.out.end(), gradient.begin(), gradient.end());
    }
    return mtp.out;
  });
}

TEST(Mtp, NamesAreThoseOfReleasedCheckpoints) {
  RopeTable table;
  table.build(100, D, kTheta);
  Mtp mtp;
  shape(mtp, table);
  std::vector<std::string> names;
  mtp.visit([&](const std::string& name, auto&) { names.push_back(name); });
  for (const char* name : {"enorm.weight", "hnorm.weight", "eh_proj.weight",
                           "shared_head.norm.weight", "input_layernorm.weight"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  }
}

}  // namespace
}  // namespace r1
