// Experts and latent attention: values and gradients against the same modules in double.
#include "nn/moe.h"

#include <cmath>

#include "nn/double_llama.h"
#include "nn/fixtures.h"
#include "nn/mla.h"

namespace r1 {
namespace {

using namespace in_double;

constexpr int64_t C = 5, F = 3, E = 4, K = 2, kShared = 6;

Moe make_moe(bool shared) {
  Moe moe;
  moe.routing = {.n_experts = E,
                 .top_k = K,
                 .scoring = Routing::Scoring::kSigmoid,
                 .norm_topk_prob = true,
                 .routed_scaling_factor = 1.5f};
  moe.gate.shape(E, C);
  moe.e_score_correction_bias.shape = {E};
  moe.e_score_correction_bias.buffer = true;
  moe.e_score_correction_bias.first_value = 0.0f;
  moe.experts = std::vector<Mlp>(E);
  const auto shape = [](Mlp& mlp, int64_t width) {
    mlp.gate_proj.shape(width, C);
    mlp.up_proj.shape(width, C);
    mlp.down_proj.shape(C, width);
  };
  for (Mlp& expert : moe.experts) shape(expert, F);
  if (shared) shape(moe.shared_experts, kShared);
  return moe;
}

Doubles mlp_of(const Values& v, const std::string& prefix, const Doubles& x, int64_t width) {
  return in_double::linear(swiglu(in_double::linear(x, v.at(prefix + "gate_proj.weight"), C),
                                  in_double::linear(x, v.at(prefix + "up_proj.weight"), C)),
                           v.at(prefix + "down_proj.weight"), width);
}

/// The module's output with the choice of experts held fixed.
Doubles moe_output(const Values& v, const Doubles& x, const std::vector<int32_t>& chosen,
                   bool shared) {
  const int64_t N = static_cast<int64_t>(x.size()) / C;
  const Doubles logits = in_double::linear(x, v.at("gate.weight"), C);
  Doubles y(x.size(), 0.0);
  for (int64_t n = 0; n < N; ++n) {
    const Doubles row(x.begin() + n * C, x.begin() + (n + 1) * C);
    double sum = 0;
    Doubles weight;
    for (int64_t k = 0; k < K; ++k) {
      weight.push_back(1 / (1 + std::exp(-logits[n * E + chosen[n * K + k]])));
      sum += weight.back();
    }
    for (int64_t k = 0; k < K; ++k) {
      const Doubles out = mlp_of(v, "experts." + std::to_string(chosen[n * K + k]) + ".", row, F);
      for (int64_t c = 0; c < C; ++c) y[n * C + c] += 1.5 * weight[k] / sum * out[c];
    }
  }
  if (shared) add_to(y, mlp_of(v, "shared_experts.", x, kShared));
  return y;
}

void check_moe(bool shared) {
  Bench bench;
  constexpr int64_t N = 7;
  Moe moe = make_moe(shared);
  Home home;
  home.add_all(moe);
  home.build(bench.ctx.launch);
  const Floats x = normals(N * C, 1), h = normals(N * C, 2), dh = normals(N * C, 3);
  Tensor with = bench.put(h, N), without = bench.put(h, N);
  Moe::Saved saved;
  moe.forward(bench.ctx, with, bench.put(x, N), &saved);
  moe.forward(bench.ctx, without, bench.put(x, N), nullptr);
  EXPECT_TRUE(equal_bits(floats_of(with), floats_of(without)));
  const std::vector<int32_t> chosen(saved.routes.experts.i32(), saved.routes.experts.i32() + N * K);
  Values at = home.values();
  at["x"] = widened(x);
  Doubles expected = widened(h);
  add_to(expected, moe_output(at, widened(x), chosen, shared));
  expect_near_all(floats_of(with), expected, 1e-5);
  Tensor dx = moe.backward(bench.ctx, bench.put(dh, N), saved);
  auto gradients = home.gradients();
  gradients["x"] = floats_of(dx);
  expect_gradients(
      at, gradients,
      [&](const Values& v) { return dot(moe_output(v, v.at("x"), chosen, shared), widened(dh)); },
      5e-5);
}

TEST(Moe, GradientEqualsCentralDifferences) {
  check_moe(false);
  check_moe(true);
}

TEST(Moe, ARowAloneEqualsThatRowInABatch) {
  Bench bench;
  Moe moe = make_moe(true);
  Home home;
  home.add_all(moe);
  home.build(bench.ctx.launch);
  const Floats x = normals(9 * C, 4);
  Tensor all = bench.put(Floats(x.size(), 0.0f), 9);
  moe.forward(bench.ctx, all, bench.put(x, 9), nullptr);
  for (int64_t n = 0; n < 9; ++n) {
    Tensor one = bench.put(Floats(C, 0.0f), 1);
    moe.forward(bench.ctx, one, bench.put(Floats(&x[n * C], &x[n * C] + C), 1), nullptr);
    EXPECT_TRUE(equal_bits(floats_of(one), Floats(all.row(n), all.row(n) + C))) << n;
  }
}

struct MlaShape {
  int64_t H, nope, rope, Dv, R, Rq;
};

void shape_mla(Mla& m, const MlaShape& s, const RopeTable& table) {
  m.nope = s.nope;
  m.value_dim = s.Dv;
  m.rope_dim = s.rope;
  m.kv_rank = s.R;
  m.q_rank = s.Rq;
  m.rope_table = &table;
  m.core = {.n_heads = s.H, .n_kv_heads = s.H, .head_dim = s.nope + s.rope, .value_dim = s.Dv};
  m.core.scale = 1.0f / std::sqrt(static_cast<float>(s.nope + s.rope));
  m.q_proj.shape(s.H * (s.nope + s.rope), C);
  m.q_a_proj.shape(s.Rq, C);
  m.q_b_proj.shape(s.H * (s.nope + s.rope), s.Rq);
  m.q_a_layernorm.shape(s.Rq, 1e-6f);
  m.kv_a_proj_with_mqa.shape(s.R + s.rope, C);
  m.kv_a_layernorm.shape(s.R, 1e-6f);
  m.kv_b_proj.shape(s.H * (s.nope + s.Dv), s.R);
  m.o_proj.shape(C, s.H * s.Dv);
}

/// Pairs (2 i, 2 i + 1) of columns [offset, offset + R) of each head of `width` turn.
void rotate_pairs(Doubles& x, const PackedRows& packed, int64_t width, int64_t offset, int64_t R) {
  const int64_t row = static_cast<int64_t>(x.size()) / packed.n_rows();
  for (int64_t n = 0; n < packed.n_rows(); ++n) {
    for (int64_t head = 0; head < row; head += width) {
      for (int64_t i = 0; i < R / 2; ++i) {
        const double angle =
            packed.positions[n] * std::pow(100.0, -2.0 * i / static_cast<double>(R));
        double &a = x[n * row + head + offset + 2 * i], &b = (&a)[1];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + a * std::sin(angle);
        a = turned;
      }
    }
  }
}

Doubles mla_output(const Values& v, const Doubles& x, const PackedRows& packed, const MlaShape& s) {
  const int64_t N = packed.n_rows(), D = s.nope + s.rope;
  const auto w = [&](const char* name) { return v.at(name); };
  Doubles q = s.Rq == 0 ? in_double::linear(x, w("q_proj.weight"), C)
                        : in_double::linear(rmsnorm(in_double::linear(x, w("q_a_proj.weight"), C),
                                                    w("q_a_layernorm.weight"), 1e-6),
                                            w("q_b_proj.weight"), s.Rq);
  rotate_pairs(q, packed, D, s.nope, s.rope);
  const Doubles down = in_double::linear(x, w("kv_a_proj_with_mqa.weight"), C);
  Doubles latent, k_rope;
  for (int64_t n = 0; n < N; ++n) {
    const auto row = down.begin() + n * (s.R + s.rope);
    latent.insert(latent.end(), row, row + s.R);
    k_rope.insert(k_rope.end(), row + s.R, row + s.R + s.rope);
  }
  rotate_pairs(k_rope, packed, s.rope, 0, s.rope);
  const Doubles kv = in_double::linear(rmsnorm(latent, w("kv_a_layernorm.weight"), 1e-6),
                                       w("kv_b_proj.weight"), s.R);
  Doubles o(N * s.H * s.Dv, 0.0);
  int64_t first = 0;
  for (int64_t length : packed.lengths) {
    for (int64_t n = first; n < first + length; ++n) {
      for (int64_t h = 0; h < s.H; ++h) {
        Doubles p;
        double sum = 0;
        for (int64_t m = first; m <= n; ++m) {
          double dot = 0;
          for (int64_t d = 0; d < s.nope; ++d) {
            dot += q[(n * s.H + h) * D + d] * kv[(m * s.H + h) * (s.nope + s.Dv) + d];
          }
          for (int64_t d = 0; d < s.rope; ++d) {
            dot += q[(n * s.H + h) * D + s.nope + d] * k_rope[m * s.rope + d];
          }
          sum += p.emplace_back(std::exp(dot / std::sqrt(static_cast<double>(D))));
        }
        for (int64_t m = first; m <= n; ++m) {
          for (int64_t d = 0; d < s.Dv; ++d) {
            o[(n * s.H + h) * s.Dv + d] +=
                p[m - first] / sum * kv[(m * s.H + h) * (s.nope + s.Dv) + s.nope + d];
          }
        }
      }
    }
    first += length;
  }
  return in_double::linear(o, w("o_proj.weight"), s.H * s.Dv);
}

TEST(Mla, GradientEqualsCentralDifferencesWithAndWithoutAQueryLatent) {
  for (const MlaShape& s : {MlaShape{2, 3, 4, 5, 6, 0}, MlaShape{2, 4, 2, 3, 5, 4}}) {
    Bench bench;
    const PackedRows packed({4, 3});
    const int64_t N = packed.n_rows();
    RopeTable table;
    table.build(16, s.rope, 100.0);
    Mla mla;
    shape_mla(mla, s, table);
    Home home;
    home.add_all(mla);
    home.build(bench.ctx.launch);
    const Floats x = normals(N * C, 1), h = normals(N * C, 2), dh = normals(N * C, 3);
    Tensor out = bench.put(h, N);
    Mla::Saved saved;
    mla.forward(bench.ctx, packed.rows(), 0, out, bench.put(x, N), &saved);
    Values at = home.values();
    at["x"] = widened(x);
    Doubles expected = widened(h);
    add_to(expected, mla_output(at, widened(x), packed, s));
    expect_near_all(floats_of(out), expected, 1e-4);
    auto gradients = home.gradients();
    Tensor dx = mla.backward(bench.ctx, packed.rows(), bench.put(dh, N), saved);
    gradients = home.gradients();
    gradients["x"] = floats_of(dx);
    expect_gradients(
        at, gradients,
        [&](const Values& v) { return dot(mla_output(v, v.at("x"), packed, s), widened(dh)); },
        5e-5);
  }
}

}  // namespace
}  // namespace r1
