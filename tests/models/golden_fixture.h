// The folders of tests/golden that hold a small model of each family and what Hugging Face
// transformers computes from it.
#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "checkpoint/source.h"
#include "models/model_io.h"
#include "nn/fixtures.h"

namespace r1 {

inline Path golden_root() { return Path(R1_SOURCE_DIR) / "tests/golden"; }

/// Every family's folder, by name.
inline std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_root())) {
    if (std::filesystem::exists(entry.path() / "expected.safetensors")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Golden {
  Path folder;
  nlohmann::json expected;
  std::vector<std::vector<int32_t>> tokens;
  Source numbers;  // logits.S (T, V) of sequence S; grad.NAME

  explicit Golden(const std::string& name)
      : folder(golden_root() / name),
        expected(nlohmann::json::parse(read_text(folder / "expected.json").value())),
        tokens(expected["tokens"].get<std::vector<std::vector<int32_t>>>()),
        numbers(Source::open_file(folder / "expected.safetensors").value()) {}

  /// f32 values of one tensor of the referee; empty when it has none of that name.
  Floats number(const std::string& name) const {
    const StoredTensor* stored = numbers.find(name);
    if (!stored) return {};
    Floats values(stored->bytes.size() / sizeof(float));
    std::memcpy(values.data(), stored->bytes.data(), stored->bytes.size());
    return values;
  }
};

inline std::unique_ptr<Transformer> load_golden(const Path& folder, StoreUse use,
                                                const Launch& launch = best_launch(),
                                                const std::string& mla_form = "expanded") {
  auto loaded = load_model(folder, {.dtype = "f32", .use = use, .mla_form = mla_form}, launch);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded ? std::move(loaded->model) : nullptr;
}

/// Sequences one after the other, each from position 0.
inline PackedRows packed_sequences(const std::vector<std::vector<int32_t>>& sequences) {
  std::vector<int64_t> lengths;
  for (const auto& s : sequences) lengths.push_back(static_cast<int64_t>(s.size()));
  PackedRows packed(lengths);
  for (const auto& s : sequences) packed.tokens.insert(packed.tokens.end(), s.begin(), s.end());
  return packed;
}

/// Logits (N, V) of every row of some sequences, computed as one batch.
inline Floats all_logits(const Transformer& model,
                         const std::vector<std::vector<int32_t>>& sequences, Context ctx) {
  const PackedRows packed = packed_sequences(sequences);
  std::vector<int32_t> rows;
  for (int32_t n = 0; n < packed.n_rows(); ++n) rows.push_back(n);
  return floats_of(model.logits(ctx, model.forward(ctx, packed.rows(), nullptr), rows));
}

/// max |a - b|; infinite when the sizes differ or a is not finite.
inline double max_error(const Floats& a, const Floats& b) {
  double worst = a.size() == b.size() ? 0 : HUGE_VAL;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::abs(static_cast<double>(a[i]) - b[i]);
    worst = error <= worst ? worst : std::isnan(error) ? HUGE_VAL : error;
  }
  return worst;
}

inline double max_abs(const Floats& a) { return max_error(a, Floats(a.size(), 0.0f)); }

}  // namespace r1
