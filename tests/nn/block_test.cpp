// Attention, the feed-forward layer and the block that joins them: values and gradients in double.
#include "nn/block.h"

#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

using namespace in_double;

constexpr double kTheta = 100.0;

struct Shape {
  int64_t C, H, Hkv, D, F;
};

void shape_attention(Attention& a, const Shape& s, const RopeTable& table) {
  a.core.n_heads = s.H;
  a.core.n_kv_heads = s.Hkv;
  a.core.head_dim = s.D;
  a.core.scale = 1.0f / std::sqrt(static_cast<float>(s.D));
  a.rope_table = &table;
  a.q_proj.shape(s.H * s.D, s.C);
  a.k_proj.shape(s.Hkv * s.D, s.C);
  a.v_proj.shape(s.Hkv * s.D, s.C);
  a.o_proj.shape(s.C, s.H * s.D);
}

void shape_mlp(Mlp& mlp, const Shape& s) {
  mlp.gate_proj.shape(s.F, s.C);
  mlp.up_proj.shape(s.F, s.C);
  mlp.down_proj.shape(s.C, s.F);
}

Doubles attention_output(const Values& v, const std::string& prefix, const Doubles& x,
                         const PackedRows& packed, const Shape& s) {
  const auto w = [&](const char* name) { return v.at(prefix + name); };
  Doubles q = in_double::linear(x, w("q_proj.weight"), s.C),
          k = in_double::linear(x, w("k_proj.weight"), s.C);
  rotate(q, packed.positions, s.D, kTheta);
  rotate(k, packed.positions, s.D, kTheta);
  const Doubles values = in_double::linear(x, w("v_proj.weight"), s.C);
  return in_double::linear(attend(q, k, values, packed.lengths, s.H, s.Hkv, s.D),
                           w("o_proj.weight"), s.H * s.D);
}

Doubles mlp_output(const Values& v, const std::string& prefix, const Doubles& x, const Shape& s) {
  const auto w = [&](const char* name) { return v.at(prefix + name); };
  return in_double::linear(swiglu(in_double::linear(x, w("gate_proj.weight"), s.C),
                                  in_double::linear(x, w("up_proj.weight"), s.C)),
                           w("down_proj.weight"), s.F);
}

void check_attention(const Shape& s, std::vector<int64_t> lengths, bool values_only) {
  Bench bench;
  const PackedRows packed(std::move(lengths));
  const int64_t N = packed.n_rows();
  RopeTable table;
  table.build(160, s.D, kTheta);
  Attention attention;
  shape_attention(attention, s, table);
  Home home;
  home.add_all(attention);
  home.build(bench.ctx.launch);
  const Floats x = normals(N * s.C, 1), h = normals(N * s.C, 2), dh = normals(N * s.C, 3);
  Tensor th = bench.put(h, N), tdh = bench.put(dh, N);
  Attention::Saved saved;
  attention.forward(bench.ctx, packed.rows(), 0, th, bench.put(x, N), &saved);
  Values at = home.values();
  at["x"] = widened(x);
  Doubles expected = widened(h);
  add_to(expected, attention_output(at, "", widened(x), packed, s));
  expect_near_all(floats_of(th), expected, 1e-4);  // angles are rounded to f32
  if (values_only) return;
  Tensor dx = attention.backward(bench.ctx, packed.rows(), tdh, saved);
  auto gradients = home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(
      at, gradients,
      [&](const Values& v) {
        return dot(attention_output(v, "", v.at("x"), packed, s), widened(dh));
      },
      5e-5);
}

TEST(Attention, GroupedHeadsOfOddSizesHaveTheGradientOfTheirDefinition) {
  check_attention({5, 2, 1, 6, 0}, {3, 1, 5}, false);
  check_attention({7, 6, 3, 2, 0}, {4}, false);
}

TEST(Attention, SequencesThatCrossAPageHaveTheGradientOfTheirDefinition) {
  check_attention({3, 2, 1, 2, 0}, {66, 2}, false);
}

TEST(Attention, SequencesOfAnyLengthHaveTheValuesOfTheirDefinition) {
  check_attention({12, 4, 2, 6, 0}, {63, 64, 65, 128, 129, 1}, true);
  check_attention({48, 4, 1, 24, 0}, {70}, true);
}

TEST(Attention, ASequenceDoesNotSeeItsNeighboursInTheBatch) {
  Bench bench;
  const Shape s{5, 2, 1, 6, 0};
  RopeTable table;
  table.build(100, s.D, kTheta);
  Attention attention;
  shape_attention(attention, s, table);
  Home home;
  home.add_all(attention);
  home.build(bench.ctx.launch);
  const Floats x = normals(70 * s.C, 1);
  const auto run = [&](std::vector<int64_t> lengths, int64_t first) {
    const PackedRows packed(std::move(lengths));
    const Floats rows(x.begin() + first * s.C, x.begin() + (first + packed.n_rows()) * s.C);
    Tensor h = bench.put(Floats(rows.size(), 0.0f), packed.n_rows());
    attention.forward(bench.ctx, packed.rows(), 0, h, bench.put(rows, packed.n_rows()), nullptr);
    return floats_of(h);
  };
  EXPECT_TRUE(equal_bits(run({3, 66, 1}, 0), joined({run({3}, 0), run({66}, 3), run({1}, 69)})));
}

TEST(Mlp, GradientEqualsCentralDifferences) {
  Bench bench;
  const Shape s{5, 0, 0, 0, 7};
  constexpr int64_t N = 3;
  Mlp mlp;
  shape_mlp(mlp, s);
  Home home;
  home.add_all(mlp);
  home.build(bench.ctx.launch);
  const Floats x = normals(N * s.C, 1), h = normals(N * s.C, 2), dh = normals(N * s.C, 3);
  Tensor with = bench.put(h, N), without = bench.put(h, N);
  Mlp::Saved saved;
  mlp.forward(bench.ctx, with, bench.put(x, N), &saved);
  mlp.forward(bench.ctx, without, bench.put(x, N), nullptr);
  EXPECT_TRUE(equal_bits(floats_of(with), floats_of(without)));
  Values at = home.values();
  at["x"] = widened(x);
  Doubles expected = widened(h);
  add_to(expected, mlp_output(at, "", widened(x), s));
  expect_near_all(floats_of(with), expected, 1e-5);
  Tensor dx = mlp.backward(bench.ctx, bench.put(dh, N), saved);
  auto gradients = home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(at, gradients, [&](const Values& v) {
    return dot(mlp_output(v, "", v.at("x"), s), widened(dh));
  });
}

struct BlockRun {
  Floats out, inference, input_after, dx;
  std::map<std::string, Floats> gradients;
  Values values;
};

BlockRun run_block(const Shape& s, const PackedRows& packed, bool recompute, Dtype kv_dtype,
                   const Launch& launch) {
  Bench bench(launch);
  bench.ctx.recompute = recompute;
  bench.ctx.kv_dtype = kv_dtype;
  const int64_t N = packed.n_rows();
  RopeTable table;
  table.build(100, s.D, kTheta);
  Block block;
  shape_attention(std::get<Attention>(block.self_attn), s, table);
  shape_mlp(std::get<Mlp>(block.mlp), s);
  block.input_layernorm.shape(s.C, 1e-5f);
  block.post_attention_layernorm.shape(s.C, 1e-5f);
  Home home;
  home.add_all(block);
  home.build(launch);
  Tensor h = bench.put(normals(N * s.C, 1), N), dh = bench.put(normals(N * s.C, 2), N);
  BlockRun run;
  run.values = home.values();
  Block::Saved saved;
  run.out = floats_of(block.forward(bench.ctx, packed.rows(), 0, h, &saved));
  run.input_after = floats_of(h);
  block.backward(bench.ctx, packed.rows(), 0, dh, saved);
  run.dx = floats_of(dh);
  run.gradients = home.gradients();
  run.inference = floats_of(block.forward(bench.ctx, packed.rows(), 0, h, nullptr));
  return run;
}

TEST(Block, GradientEqualsCentralDifferences) {
  const Shape s{5, 2, 1, 4, 7};
  const PackedRows packed({3, 2});
  BlockRun run = run_block(s, packed, false, Dtype::kF32, best_launch());
  const Floats x = normals(packed.n_rows() * s.C, 1), dh = normals(packed.n_rows() * s.C, 2);
  EXPECT_TRUE(equal_bits(run.input_after, x));
  const auto forward = [&](const Values& v) {
    Doubles h = v.at("x");
    const Doubles x1 = rmsnorm(h, v.at("input_layernorm.weight"), 1e-5f);
    add_to(h, attention_output(v, "self_attn.", x1, packed, s));
    add_to(h, mlp_output(v, "mlp.", rmsnorm(h, v.at("post_attention_layernorm.weight"), 1e-5f), s));
    return h;
  };
  run.values["x"] = widened(x);
  run.gradients["x"] = run.dx;
  expect_near_all(run.out, forward(run.values), 1e-5);
  expect_gradients(
      run.values, run.gradients, [&](const Values& v) { return dot(forward(v), widened(dh)); },
      5e-5);
}

TEST(Block, RecomputingGivesTheSameBits) {
  const Shape s{7, 2, 1, 6, 11};
  for (Dtype kv_dtype : {Dtype::kF32, Dtype::kBF16}) {
    const PackedRows packed({66, 5});
    const BlockRun kept = run_block(s, packed, false, kv_dtype, best_launch());
    const BlockRun again = run_block(s, packed, true, kv_dtype, best_launch());
    EXPECT_TRUE(equal_bits(kept.out, again.out));
    EXPECT_TRUE(equal_bits(kept.out, kept.inference));
    EXPECT_TRUE(equal_bits(kept.dx, again.dx));
    for (const auto& [name, gradient] : kept.gradients) {
      EXPECT_TRUE(equal_bits(gradient, again.gradients.at(name))) << name;
    }
  }
}

TEST(Block, GivesTheSameBitsOnEveryBackendAndThreadCount) {
  const Shape s{7, 2, 1, 6, 11};
  const PackedRows packed({66, 5});
  expect_same_bits_everywhere("block", [&](const Launch& launch) {
    BlockRun run = run_block(s, packed, false, Dtype::kBF16, launch);
    Floats all = joined({run.out, run.dx});
    for (const auto& [name, gradient] : run.gradients)
      all.insert(all.end(), gradient.begin(), gradient.end());
    return all;
  });
}

}  // namespace
}  // namespace r1
