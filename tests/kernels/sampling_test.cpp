#include "kernels/sampling.h"

#include <cmath>
#include <limits>
#include <set>

#include "kernels/columns_case.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
using Tokens = std::vector<int32_t>;

SampleRow keyed(uint64_t stream, int64_t position, float temperature = 1.0f) {
  SampleRow row;
  row.temperature = temperature;
  row.seed = 0x123456789ABCDEF0;
  row.stream = stream * 0x9E3779B97F4A7C15;
  row.position = position;
  return row;
}

Tokens sample(const Launch& launch, Floats& logits, const std::vector<SampleRow>& rows) {
  Tokens tokens(rows.size(), -1);
  sample_rows(launch, tokens.data(), matrix(logits, static_cast<int64_t>(rows.size())),
              rows.data());
  return tokens;
}

/// Every token that n draws from one row of logits gave.
std::set<int32_t> drawn(Backend backend, const Floats& logits, SampleRow how, int n) {
  Floats all;
  std::vector<SampleRow> rows(n, how);
  for (int i = 0; i < n; ++i) {
    rows[i].position = i;
    all.insert(all.end(), logits.begin(), logits.end());
  }
  const Tokens tokens = sample({backend, test_pool(1)}, all, rows);
  return {tokens.begin(), tokens.end()};
}

Floats logs(const std::vector<double>& probabilities) {
  Floats z;
  for (double p : probabilities) z.push_back(static_cast<float>(std::log(p)));
  return z;
}

TEST(Sampling, TemperatureZeroTakesTheLargestAndTheLowestOfEquals) {
  for (Backend backend : available_backends()) {
    for (int64_t V : {1, 2, 15, 16, 17, 69, 200, 5000}) {
      Floats logits = normals(V, V);
      const int64_t first = V / 3, second = V - 1;
      logits[first] = logits[second] = 9.0f;
      EXPECT_EQ(sample({backend, test_pool(1)}, logits, {keyed(1, 2, 0.0f)})[0], first) << V;
    }
  }
}

TEST(Sampling, TopKOfOneIsGreedyAtAnyTemperature) {
  for (Backend backend : available_backends()) {
    for (int64_t position = 0; position < 200; ++position) {
      Floats logits = normals(69, position);
      SampleRow hot = keyed(5, position, 3.0f), greedy = keyed(5, position, 0.0f);
      hot.top_k = 1;
      const Launch launch{backend, test_pool(1)};
      EXPECT_EQ(sample(launch, logits, {hot}), sample(launch, logits, {greedy}));
    }
  }
}

TEST(Sampling, TopKKeepsTheLowerIndexOfEquals) {
  for (Backend backend : available_backends()) {
    SampleRow how = keyed(1, 0);
    how.top_k = 3;
    EXPECT_EQ(drawn(backend, {1, 0, 1, -0.0f, 0, 0}, how, 400), (std::set<int32_t>{0, 1, 2}));
    EXPECT_EQ(drawn(backend, Floats(100, 2.0f), how, 400), (std::set<int32_t>{0, 1, 2}));
  }
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  for (Backend backend : available_backends()) {
    const Floats z = logs({0.05, 0.5, 0.1, 0.3, 0.05});
    for (auto [top_p, kept] : {std::pair{0.0f, std::set<int32_t>{1}},
                               {0.49f, {1}},
                               {0.51f, {1, 3}},
                               {0.79f, {1, 3}},
                               {0.81f, {1, 2, 3}},
                               {0.94f, {0, 1, 2, 3}},
                               {0.96f, {0, 1, 2, 3, 4}},
                               {1.0f, {0, 1, 2, 3, 4}}}) {
      SampleRow how = keyed(2, 0);
      how.top_p = top_p;
      EXPECT_EQ(drawn(backend, z, how, 1000), kept) << backend_name(backend) << " top_p " << top_p;
    }
  }
}

TEST(Sampling, TopPCountsTheMassThatTopKLeft) {
  for (Backend backend : available_backends()) {
    SampleRow how = keyed(2, 0);
    how.top_k = 2;
    how.top_p = 0.6f;  // of 0.5 / 0.8 = 0.625
    EXPECT_EQ(drawn(backend, logs({0.05, 0.5, 0.1, 0.3, 0.05}), how, 300), std::set<int32_t>{1});
  }
}

TEST(Sampling, MinPKeepsWhatIsLikelyEnoughBesideTheBest) {
  for (Backend backend : available_backends()) {
    SampleRow how = keyed(3, 0);
    const Floats z = logs({0.05, 0.5, 0.1, 0.3, 0.05});
    how.min_p = 0.15f;  // of 0.5: 0.075
    EXPECT_EQ(drawn(backend, z, how, 500), (std::set<int32_t>{1, 2, 3}));
    how.min_p = 2.0f;
    EXPECT_EQ(drawn(backend, z, how, 200), std::set<int32_t>{1});
  }
}

TEST(Sampling, FrequenciesMatchTheSoftmax) {
  const Floats z = normals(69, 8, 1.5f);
  const float temperature = 0.8f;
  std::vector<double> p(69);
  double total = 0;
  for (int i = 0; i < 69; ++i) total += p[i] = std::exp(z[i] / static_cast<double>(temperature));
  const int n = 200000, batch = 500;
  std::vector<int> counts(69);
  Floats all;
  for (int i = 0; i < batch; ++i) all.insert(all.end(), z.begin(), z.end());
  std::vector<SampleRow> rows(batch);
  for (int first = 0; first < n; first += batch) {
    for (int i = 0; i < batch; ++i) rows[i] = keyed(i, first, temperature);
    for (int32_t token : sample({available_backends().back(), test_pool(2)}, all, rows))
      ++counts[token];
  }
  double chi_square = 0;
  for (int i = 0; i < 69; ++i) {
    const double expected = n * p[i] / total;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 68 + 4 * std::sqrt(2 * 68.0));  // 68 degrees of freedom, four deviations
  EXPECT_GT(chi_square, 68 - 4 * std::sqrt(2 * 68.0));
}

TEST(Sampling, TheSameKeyGivesTheSameTokenInAnyBatch) {
  for (Backend backend : available_backends()) {
    const int64_t N = 150, V = 69;
    Floats logits = normals(N * V, 1);
    std::vector<SampleRow> rows;
    for (int64_t n = 0; n < N; ++n) rows.push_back(keyed(n, 3 * n));
    const Tokens together = sample({backend, test_pool(3)}, logits, rows);
    for (int64_t n = 0; n < N; n += 7) {
      Floats one(logits.begin() + n * V, logits.begin() + (n + 1) * V);
      EXPECT_EQ(sample({backend, test_pool(1)}, one, {rows[n]})[0], together[n]);
    }
  }
}

TEST(Sampling, AnyPartOfTheKeyChangesTheDraw) {
  const Launch launch{available_backends().back(), test_pool(1)};
  Floats logits(5000);
  std::set<int32_t> seen;
  for (int part = 0; part < 6; ++part) {
    SampleRow row = keyed(1, 1);
    if (part == 1) row.position = 2;
    if (part == 2) row.stream += 1;
    if (part == 3) row.stream += uint64_t{1} << 32;
    if (part == 4) row.seed += 1;
    if (part == 5) row.seed += uint64_t{1} << 32;
    seen.insert(sample(launch, logits, {row})[0]);
  }
  EXPECT_EQ(seen.size(), 6u);
}

TEST(Sampling, MaskedAndUndefinedLogitsAreNeverDrawn) {
  const float nan = std::nanf("");
  for (Backend backend : available_backends()) {
    EXPECT_EQ(drawn(backend, {nan, -kInf, 0, nan, -kInf, 1, nan}, keyed(4, 0), 300),
              (std::set<int32_t>{2, 5}));
    EXPECT_EQ(drawn(backend, {nan, -kInf, -kInf}, keyed(4, 0), 5), std::set<int32_t>{0});
    EXPECT_EQ(drawn(backend, {1, kInf, 2, kInf}, keyed(4, 0), 5), std::set<int32_t>{1});
    SampleRow filtered = keyed(4, 0);
    filtered.top_k = 3;
    filtered.top_p = 0.999f;
    EXPECT_EQ(drawn(backend, {nan, -kInf, 0, nan, -kInf, 1, nan}, filtered, 300),
              (std::set<int32_t>{2, 5}));
  }
}

SampleRow random_row(Rng& rng, int64_t V) {
  SampleRow row =
      keyed(rng.next(), rng.below(1000), rng.below(8) == 0 ? 0.0f : 0.3f + rng.below(20) * 0.1f);
  if (rng.below(2) == 0) row.top_k = static_cast<int32_t>(rng.below(V + 3));
  if (rng.below(2) == 0) row.top_p = static_cast<float>(rng.uniform());
  if (rng.below(4) == 0) row.min_p = static_cast<float>(rng.uniform() * 0.2);
  return row;
}

/// Smooth, peaked or full of ties.
Floats random_logits(Rng& rng, int64_t V, uint64_t stream) {
  const int64_t kind = rng.below(4);
  Floats z = normals(V, stream, kind == 0 ? 0.01f : (kind == 1 ? 10.0f : 2.0f));
  if (kind == 3) {
    for (float& value : z) value = std::round(value);
  }
  return z;
}

TEST(Sampling, EveryColumnDrawsTheReferencesTokensUnderRandomSettings) {
  Rng rng(1, 2);
  for (int64_t V = 1; V < 1400; V += (V < 140 ? 3 : 171)) {
    Floats logits;
    std::vector<SampleRow> rows;
    for (int n = 0; n < 60; ++n) {
      const Floats z = random_logits(rng, V, V * 100 + n);
      logits.insert(logits.end(), z.begin(), z.end());
      rows.push_back(random_row(rng, V));
    }
    const Tokens expected = sample(reference_launch(), logits, rows);
    for (Backend backend : available_backends()) {
      for (int n_threads : {1, 2, 3}) {
        EXPECT_EQ(sample({backend, test_pool(n_threads)}, logits, rows), expected)
            << backend_name(backend) << " V " << V << " threads " << n_threads;
      }
    }
  }
}

TEST(Sampling, EveryColumnDrawsTheReferencesTokensFromALargeVocabulary) {
  Rng rng(5, 6);
  const int64_t V = 151936;
  Floats logits;
  std::vector<SampleRow> rows;
  for (int n = 0; n < 6; ++n) {
    const Floats z = n == 0 ? Floats(V, 1.0f) : random_logits(rng, V, n);
    logits.insert(logits.end(), z.begin(), z.end());
    rows.push_back(n < 2 ? keyed(n, n) : random_row(rng, V));
  }
  rows[3].top_p = 0.95f;
  rows[4].top_k = 50;
  const Tokens expected = sample(reference_launch(), logits, rows);
  for (Backend backend : available_backends()) {
    EXPECT_EQ(sample({backend, test_pool(2)}, logits, rows), expected) << backend_name(backend);
  }
}

TEST(Sampling, KeepsExactlyWhatItCouldDraw) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    for (int64_t V : {1, 15, 17, 69, 1000}) {
      for (int kind = 0; kind < 5; ++kind) {
        SampleRow how = keyed(3, 0, 0.8f);
        if (kind == 1 || kind == 4) how.top_k = 5;
        if (kind == 2 || kind == 4) how.top_p = 0.6f;
        if (kind == 3 || kind == 4) how.min_p = 0.1f;
        Floats logits = normals(V, V + kind), kept = logits, reference = logits;
        keep_rows(launch, matrix(kept, 1), &how);
        keep_rows({Backend::kReference, test_pool(1)}, matrix(reference, 1), &how);
        EXPECT_TRUE(equal_bits(kept, reference)) << V << " " << kind;
        std::set<int32_t> set;
        for (int64_t i = 0; i < V; ++i) {
          if (kept[i] == -kInf) continue;
          EXPECT_EQ(kept[i], logits[i]);
          set.insert(static_cast<int32_t>(i));
        }
        for (int32_t token : drawn(backend, logits, how, 300)) EXPECT_TRUE(set.count(token));
        EXPECT_TRUE(kind != 1 || set.size() == std::min<size_t>(5, V));
        EXPECT_TRUE(kind != 0 || set.size() == static_cast<size_t>(V));
        SampleRow plain = keyed(3, 0, 0.8f);
        for (int32_t position = 0; position < 50; ++position) {  // the others could not be drawn
          how.position = plain.position = position;
          EXPECT_EQ(sample(launch, logits, {how}), sample(launch, kept, {plain}));
        }
      }
    }
    Floats greedy = normals(20, 1);
    const Floats before = greedy;
    SampleRow how = keyed(3, 0, 0.0f);
    how.top_k = 2;
    keep_rows(launch, matrix(greedy, 1), &how);
    EXPECT_TRUE(equal_bits(greedy, before));  // nothing is drawn, nothing is cut
  }
}

}  // namespace
}  // namespace r1
