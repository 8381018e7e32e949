// Known models against numbers made by others: the golden tiny Llama, and published checkpoints
// when R1_SHARED_DATA names the folder that holds models/.
#include <cmath>
#include <cstdlib>

#include "models/golden_fixture.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Json read_json(const Path& file) { return Json::parse(read_text(file).value()); }

class TinyLlama : public testing::Test {
 protected:
  TinyLlama() { model_ = load_golden(folder_, StoreUse::kTraining); }
  const Path folder_ = golden_root() / "tiny_llama";
  const Json expected_ = read_json(folder_ / "expected.json");
  std::unique_ptr<Transformer> model_;
};

TEST_F(TinyLlama, LogitsEqualPyTorchInFloat64) {
  Bench bench;
  const auto sequences = expected_["tokens"].get<std::vector<std::vector<int32_t>>>();
  const Floats logits = all_logits(*model_, sequences, bench.ctx);
  Doubles expected;
  for (const auto& part : expected_["logits"]) {
    const auto values = part.get<Doubles>();
    expected.insert(expected.end(), values.begin(), values.end());
  }
  ASSERT_EQ(logits.size(), expected.size());
  double worst = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    worst = std::max(worst, std::abs(logits[i] - expected[i]));
  EXPECT_LE(worst, 1e-4);
}

TEST_F(TinyLlama, LossAndGradientsEqualPyTorchInFloat64) {
  Bench bench;
  const auto sequences = expected_["tokens"].get<std::vector<std::vector<int32_t>>>();
  std::vector<int64_t> lengths;
  for (const auto& s : sequences) lengths.push_back(static_cast<int64_t>(s.size()));
  PackedRows packed(lengths);
  std::vector<int32_t> rows, targets;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int first = static_cast<int>(packed.tokens.size()),
              prompt = expected_["prompt_lengths"][i].get<int>();
    packed.tokens.insert(packed.tokens.end(), sequences[i].begin(), sequences[i].end());
    for (int t = prompt; t < lengths[i]; ++t) {
      rows.push_back(first + t - 1);
      targets.push_back(sequences[i][t]);
    }
  }
  const LossRows loss{rows, targets, 1.0f};
  const size_t n = rows.size();
  Transformer::Saved saved;
  Tensor h = model_->forward(bench.ctx, packed.rows(), &saved);
  const TokenScores scores = model_->head().score(bench.ctx, h, loss);
  double mean_nll = 0;
  for (float logp : floats_of(scores.logp)) mean_nll -= logp / static_cast<double>(n);
  EXPECT_NEAR(mean_nll, expected_["mean_nll"].get<double>(), 1e-5);
  Floats dlogp(n, -1.0f / static_cast<float>(n)), dentropy(n, 0.0f);
  Tensor dh = bench.ctx.f32({h.rows(), h.cols()});
  model_->head().backward(bench.ctx, dh, h, loss, scores, row_vector(dlogp), row_vector(dentropy));
  model_->backward(bench.ctx, packed.rows(), dh, saved);
  for (const Parameter* p : model_->store().parameters()) {
    const auto expected = expected_["gradients"][p->name].get<Doubles>();
    const Floats actual = floats_of(p->grad);
    ASSERT_EQ(actual.size(), expected.size());
    double error = 0, size = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
      error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
      size += expected[i] * expected[i];
    }
    EXPECT_LE(std::sqrt(error / size), 1e-4) << p->name;
  }
}

/// The folder of a published checkpoint, or empty.
Path published(const std::string& name) {
  const char* data = std::getenv("R1_SHARED_DATA");
  if (!data) return {};
  const Path folder = Path(data) / "models" / name;
  return std::filesystem::exists(folder / "expected.json") ? folder : Path();
}

int32_t best_token(const Floats& logits, int64_t row, int64_t V) {
  const auto first = logits.begin() + row * V;
  return static_cast<int32_t>(std::max_element(first, first + V) - first);
}

/// Every id after the prompt is the best token of the row before it.
void expect_greedy(const Transformer& model, const std::vector<int32_t>& ids, size_t n_prompt) {
  Bench bench;
  const Floats logits = all_logits(model, {ids}, bench.ctx);
  for (size_t t = n_prompt; t < ids.size(); ++t) {
    ASSERT_EQ(best_token(logits, static_cast<int64_t>(t) - 1, model.config().vocab_size), ids[t])
        << "token " << t;
  }
}

void expect_logits(const Transformer& model, const std::vector<int32_t>& prompt,
                   const Doubles& expected) {
  Bench bench;
  const Floats logits = all_logits(model, {prompt}, bench.ctx);
  const int64_t V = model.config().vocab_size;
  ASSERT_EQ(static_cast<int64_t>(expected.size()), V);
  for (int64_t i = 0; i < V; ++i) {
    EXPECT_NEAR(logits[(static_cast<int64_t>(prompt.size()) - 1) * V + i], expected[i], 1e-4);
  }
}

TEST(Published, Stories260KWritesItsStory) {
  const Path folder = published("stories260K");
  if (folder.empty()) GTEST_SKIP() << "set R1_SHARED_DATA to a folder with models/stories260K";
  const auto loaded = load_model(folder / "hf", {.dtype = "auto"}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Json expected = read_json(folder / "expected.json");
  expect_logits(*loaded->model, {1}, expected["logits_after_bos"].get<Doubles>());
  expect_greedy(*loaded->model, expected["ids"].get<std::vector<int32_t>>(), 1);
}

TEST(Published, VerlTinyLlamaHasItsLogitsAndIds) {
  const Path folder = published("verl_arithmetic_tiny_llama");
  if (folder.empty())
    GTEST_SKIP() << "set R1_SHARED_DATA to a folder with models/verl_arithmetic_tiny_llama";
  const auto loaded = load_model(folder, {.dtype = "f32"}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Json expected = read_json(folder / "expected.json");
  for (const auto& run : expected["runs"]) {
    auto ids = run["prompt_ids"].get<std::vector<int32_t>>();
    const size_t n_prompt = ids.size();
    expect_logits(*loaded->model, ids, run["first_logits"].get<Doubles>());
    for (const auto& id : run["output_ids"]) ids.push_back(id.get<int32_t>());
    expect_greedy(*loaded->model, ids, n_prompt);
  }
}

}  // namespace
}  // namespace r1
