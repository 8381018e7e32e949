#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/columns_case.h"

namespace r1 {
namespace {

/// A cache whose pages lie in shuffled order and are full of old, finite numbers.
struct Cache {
  Floats memory;
  std::vector<int32_t> table;
  KvView view;

  Cache(int64_t B, int64_t max_length, int64_t n_kv_heads, int64_t D, int64_t Dv, Dtype dtype,
        bool values_in_keys) {
    view = {.dtype = dtype, .n_kv_heads = n_kv_heads, .head_dim = D, .value_dim = Dv};
    view.values_in_keys = values_in_keys;
    view.max_pages = (max_length + kPageSize - 1) / kPageSize;
    view.page_stride = view.page_bytes() + 64;  // pages need not touch
    table.resize(B * view.max_pages);
    std::iota(table.begin(), table.end(), 0);
    Rng rng(5, 5);
    for (size_t i = table.size(); i > 1; --i) std::swap(table[i - 1], table[rng.next() % i]);
    memory = normals(static_cast<int64_t>(table.size()) * view.page_stride / 4, 9, 100.0f);
    if (dtype == Dtype::kBF16) fill_halves();
    view.base = reinterpret_cast<std::byte*>(memory.data());
    view.page_table = table.data();
  }
  void fill_halves() {
    auto* halves = reinterpret_cast<uint16_t*>(memory.data());
    for (size_t i = 0; i < 2 * memory.size(); ++i) {
      halves[i] = f32_to_bf16(static_cast<float>(i % 41) - 20.0f);
    }
  }
};

struct Case {
  std::vector<int32_t> lengths;
  int64_t H, Hkv, D, Dv;
  Dtype dtype = Dtype::kF32;
  std::vector<int32_t> offsets{0}, positions;
  int64_t N = 0;
  Floats q, k, v, d_o;
  float scale;
  bool values_in_keys = false;

  Case(std::vector<int32_t> lengths, int64_t H, int64_t Hkv, int64_t D, Dtype dtype = Dtype::kF32,
       int64_t value_dim = 0)
      : lengths(lengths), H(H), Hkv(Hkv), D(D), Dv(value_dim ? value_dim : D), dtype(dtype) {
    for (int32_t length : lengths) {
      for (int32_t t = 0; t < length; ++t) positions.push_back(t);
      offsets.push_back(static_cast<int32_t>(positions.size()));
    }
    N = offsets.back();
    q = normals(N * H * D, 1);
    k = normals(N * Hkv * D, 2);
    v = normals(N * Hkv * Dv, 3);
    d_o = normals(N * H * Dv, 4);
    scale = 1.0f / std::sqrt(static_cast<float>(D));
  }
  int64_t B() const { return static_cast<int64_t>(lengths.size()); }
  Cache cache() const {
    return Cache(B(), *std::max_element(lengths.begin(), lengths.end()), Hkv, D, Dv, dtype,
                 values_in_keys);
  }
  /// A value becomes the first Dv numbers of its key.
  void take_values_from_keys() {
    for (int64_t i = 0; i < N * Hkv; ++i) std::copy_n(&k[i * D], Dv, &v[i * Dv]);
  }
  BatchView batch() const { return {N, B(), offsets.data(), positions.data()}; }

  struct Outputs {
    Floats o, lse, dq, dk, dv;
  };
  Outputs train(const Launch& launch) {
    Cache cache = this->cache();
    Outputs out{Floats(d_o.size()), Floats(N * H), Floats(q.size(), 7), Floats(k.size(), 7),
                Floats(v.size(), 7)};
    attention_write(launch, cache.view, batch(), matrix(k, N), matrix(v, N));
    attention_forward(launch, matrix(out.o, N), matrix(out.lse, N), matrix(q, N), cache.view,
                      batch(), H, scale);
    attention_backward(launch, matrix(out.dq, N), matrix(out.dk, N), matrix(out.dv, N),
                       matrix(d_o, N), matrix(out.o, N), matrix(out.lse, N), matrix(q, N),
                       cache.view, batch(), H, scale);
    return out;
  }

  /// The same rows, `chunk` of each sequence at a time: as the engine prefills and decodes.
  Outputs infer(const Launch& launch, int32_t chunk) {
    Cache cache = this->cache();
    Outputs out{Floats(d_o.size()), Floats(N * H), {}, {}, {}};
    for (int32_t begin = 0; begin < *std::max_element(lengths.begin(), lengths.end());
         begin += chunk) {
      std::vector<int32_t> rows, at{0}, where;
      for (int64_t b = 0; b < B(); ++b) {
        for (int32_t t = begin; t < std::min(begin + chunk, lengths[b]); ++t) {
          rows.push_back(offsets[b] + t);
          where.push_back(t);
        }
        at.push_back(static_cast<int32_t>(rows.size()));
      }
      step(launch, cache, out, rows,
           {static_cast<int64_t>(rows.size()), B(), at.data(), where.data()});
    }
    return out;
  }

 private:
  static Floats gather(const Floats& from, const std::vector<int32_t>& rows, int64_t width) {
    Floats to;
    for (int32_t row : rows) to.insert(to.end(), &from[row * width], &from[row * width] + width);
    return to;
  }
  void step(const Launch& launch, Cache& cache, Outputs& out, const std::vector<int32_t>& rows,
            const BatchView& view) {
    const int64_t n = view.N;
    Floats qs = gather(q, rows, H * D), ks = gather(k, rows, Hkv * D),
           vs = gather(v, rows, Hkv * Dv);
    Floats o(n * H * Dv), lse(n * H);
    attention_write(launch, cache.view, view, matrix(ks, n), matrix(vs, n));
    attention_forward(launch, matrix(o, n), matrix(lse, n), matrix(qs, n), cache.view, view, H,
                      scale);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(&o[i * H * Dv], H * Dv, &out.o[rows[i] * H * Dv]);
      std::copy_n(&lse[i * H], H, &out.lse[rows[i] * H]);
    }
  }
};

Floats everything(const Case::Outputs& out) {
  return joined({out.o, out.lse, out.dq, out.dk, out.dv});
}

/// Σ do · attention(q, k, v) in double.
double objective(const Case& c, const std::vector<double>& q, const std::vector<double>& k,
                 const std::vector<double>& v) {
  double total = 0;
  const int64_t D = c.D, group = c.H / c.Hkv;
  for (int64_t b = 0; b < c.B(); ++b) {
    for (int64_t n = c.offsets[b]; n < c.offsets[b + 1]; ++n) {
      for (int64_t h = 0; h < c.H; ++h) {
        double sum = 0, weighted = 0;
        for (int64_t m = c.offsets[b]; m <= n; ++m) {
          double dot = 0, gain = 0;
          for (int64_t d = 0; d < D; ++d) {
            dot += q[(n * c.H + h) * D + d] * k[(m * c.Hkv + h / group) * D + d];
          }
          for (int64_t d = 0; d < c.Dv; ++d) {
            gain += c.d_o[(n * c.H + h) * c.Dv + d] * v[(m * c.Hkv + h / group) * c.Dv + d];
          }
          const double p = std::exp(dot * c.scale);
          sum += p;
          weighted += p * gain;
        }
        total += weighted / sum;
      }
    }
  }
  return total;
}

TEST(Attention, OfOneKeyIsItsValue) {
  for (Backend backend : available_backends()) {
    Case c({1}, 1, 1, 3);
    c.q = {1, 2, 3};
    c.k = {1, 0, 1};
    const auto out = c.train({backend, test_pool(1)});
    EXPECT_EQ(out.o, c.v);
    EXPECT_NEAR(out.lse[0], 4 / std::sqrt(3.0), 1e-6);
    EXPECT_EQ(out.dv, c.d_o);
  }
}

TEST(Attention, FindsTheKeyThatMatchesAcrossPages) {
  const int64_t D = 130;
  for (Backend backend : available_backends()) {
    Case c({130}, 1, 1, D);
    c.q.assign(c.q.size(), 0.0f);
    c.k.assign(c.k.size(), 0.0f);
    for (int64_t t = 0; t < 130; ++t) {  // key t is one-hot; row t asks for key t / 2
      c.k[t * D + t] = 1000.0f;
      c.q[t * D + t / 2] = 1000.0f;
    }
    const auto out = c.train({backend, test_pool(2)});
    for (int64_t t = 0; t < 130; ++t) {
      for (int64_t d = 0; d < D; ++d) EXPECT_EQ(out.o[t * D + d], c.v[t / 2 * D + d]) << t;
    }
  }
}

TEST(Attention, ValuesInKeysGiveTheBitsOfValuesBesideThem) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    for (auto [H, D, Dv] : {std::tuple{5, 24, 16}, {16, 40, 19}, {3, 16, 16}}) {
      Case beside({130, 1, 64, 9}, H, 1, D, dtype, Dv);
      beside.take_values_from_keys();
      Case within = beside;
      within.values_in_keys = true;
      for (Backend backend : available_backends()) {
        for (int threads : {1, 3}) {
          const Launch launch{backend, test_pool(threads)};
          const Floats expected = everything(beside.train(launch));
          EXPECT_EQ(expected, everything(within.train(launch))) << H << " " << D;
          EXPECT_EQ(beside.infer(launch, 7).o, within.infer(launch, 7).o) << H << " " << D;
          EXPECT_EQ(beside.infer(launch, 1).o, within.infer(launch, 1).o) << H << " " << D;
        }
      }
    }
  }
}

TEST(Attention, EveryBackendAndThreadCountGivesTheReferencesBits) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    for (int64_t D : {5, 16, 24, 32, 64, 80}) {
      for (auto [H, Hkv] : {std::pair{2, 2}, {4, 2}, {4, 1}}) {
        Case c(D == 24 ? std::vector<int32_t>{130, 1, 64} : std::vector<int32_t>{70, 3, 17}, H, Hkv,
               D, dtype);
        expect_same_bits_everywhere(
            fmt::format("D {} heads {}/{} {}", D, H, Hkv, dtype_name(dtype)),
            [&](const Launch& launch) { return everything(c.train(launch)); });
      }
    }
  }
}

TEST(Attention, ValuesMayBeNarrowerOrWiderThanKeys) {
  for (auto [D, Dv] : {std::pair{24, 16}, {12, 40}, {48, 32}}) {
    Case c({70, 3, 17}, 4, 4, D, D == 48 ? Dtype::kBF16 : Dtype::kF32, Dv);
    expect_same_bits_everywhere(fmt::format("D {} Dv {}", D, Dv),
                                [&](const Launch& launch) { return everything(c.train(launch)); });
    const Launch launch{available_backends().back(), test_pool(2)};
    EXPECT_TRUE(equal_bits(c.train(launch).o, c.infer(launch, 7).o));
  }
}

TEST(Attention, EveryLengthUpToTwoPagesGivesTheReferencesBits) {
  for (int32_t length = 1; length <= 130; length += length < 20 ? 1 : 11) {
    Case c({length}, 3, 1, 20);
    expect_same_bits_everywhere(fmt::format("length {}", length),
                                [&](const Launch& launch) { return everything(c.train(launch)); });
  }
}

TEST(Attention, ChunkedPrefillAndDecodingEqualOnePass) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    Case c({131, 64, 5, 90}, 4, 2, 24, dtype);
    for (Backend backend : available_backends()) {
      if (backend == Backend::kReference) continue;  // slow, and equal to the others above
      const auto whole = c.train({backend, test_pool(1)});
      for (int32_t chunk : {1, 7, 64, 100}) {
        const auto parts = c.infer({backend, test_pool(1 + chunk % 3)}, chunk);
        EXPECT_TRUE(equal_bits(whole.o, parts.o)) << backend_name(backend) << " chunk " << chunk;
        EXPECT_TRUE(equal_bits(whole.lse, parts.lse))
            << backend_name(backend) << " chunk " << chunk;
      }
    }
  }
}

TEST(Attention, ASequenceAloneEqualsThatSequenceInABatch) {
  Case c({40, 77, 12}, 2, 1, 16);
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(2)};
    const auto all = c.train(launch);
    Case alone({77}, 2, 1, 16);
    alone.q.assign(&c.q[40 * 32], &c.q[117 * 32]);
    alone.k.assign(&c.k[40 * 16], &c.k[117 * 16]);
    alone.v.assign(&c.v[40 * 16], &c.v[117 * 16]);
    alone.d_o.assign(&c.d_o[40 * 32], &c.d_o[117 * 32]);
    const auto out = alone.train(launch);
    EXPECT_EQ(out.o, Floats(&all.o[40 * 32], &all.o[117 * 32]));
    EXPECT_EQ(out.lse, Floats(&all.lse[40 * 2], &all.lse[117 * 2]));
    EXPECT_EQ(out.dq, Floats(&all.dq[40 * 32], &all.dq[117 * 32]));
    EXPECT_EQ(out.dk, Floats(&all.dk[40 * 16], &all.dk[117 * 16]));
    EXPECT_EQ(out.dv, Floats(&all.dv[40 * 16], &all.dv[117 * 16]));
  }
}

TEST(Attention, LseIsTheLogOfTheSumOfExponentials) {
  Case c({100}, 1, 1, 8);
  const auto out = c.train({available_backends().back(), test_pool(1)});
  for (int64_t n = 0; n < c.N; ++n) {
    double sum = 0;
    for (int64_t m = 0; m <= n; ++m) {
      double dot = 0;
      for (int64_t d = 0; d < 8; ++d) dot += double{c.q[n * 8 + d]} * c.k[m * 8 + d];
      sum += std::exp(dot * c.scale);
    }
    EXPECT_NEAR(out.lse[n], std::log(sum), 2e-6 * (1 + std::abs(std::log(sum))));
  }
}

void expect_gradients(Case c) {
  const std::vector<double> q(c.q.begin(), c.q.end()), k(c.k.begin(), c.k.end()),
      v(c.v.begin(), c.v.end());
  const auto dq = central_differences(c.q, [&](const auto& x) { return objective(c, x, k, v); });
  const auto dk = central_differences(c.k, [&](const auto& x) { return objective(c, q, x, v); });
  const auto dv = central_differences(c.v, [&](const auto& x) { return objective(c, q, k, x); });
  for (Backend backend : available_backends()) {
    const auto out = c.train({backend, test_pool(2)});
    expect_near_all(out.dq, dq, 2e-5);
    expect_near_all(out.dk, dk, 2e-5);
    expect_near_all(out.dv, dv, 2e-5);
  }
}

TEST(Attention, GradientsMatchCentralDifferences) { expect_gradients(Case({9, 4}, 4, 2, 5)); }

TEST(Attention, GradientsMatchCentralDifferencesWithOtherValueWidths) {
  expect_gradients(Case({7, 3}, 2, 2, 6, Dtype::kF32, 4));
}

TEST(Attention, GradientsMatchCentralDifferencesAcrossPages) {
  Case c({67}, 1, 1, 2);
  const std::vector<double> q(c.q.begin(), c.q.end()), k(c.k.begin(), c.k.end()),
      v(c.v.begin(), c.v.end());
  const auto dk = central_differences(c.k, [&](const auto& x) { return objective(c, q, x, v); });
  expect_near_all(c.train({available_backends().back(), test_pool(1)}).dk, dk, 5e-5);
}

TEST(AttentionDeathTest, RefusesHeadsThatDoNotDivide) {
  Case c({2}, 3, 2, 4);
  EXPECT_DEATH(c.train(reference_launch()), "3 heads over 2 KV heads");
}

}  // namespace
}  // namespace r1
