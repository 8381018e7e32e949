// A model that scores: as transformers computes it, kept in a folder, and refused where text is
// wanted.
#include "engine/scorer.h"

#include "models/family.h"
#include "models/golden_fixture.h"

namespace r1 {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

/// A fixture's body under the head of make_scores.py.
std::unique_ptr<Transformer> golden_scorer(const std::string& name) {
  auto loaded =
      load_model(golden_root() / name, {.dtype = "f32", .use = StoreUse::kTraining, .scorer = true},
                 best_launch());
  EXPECT_TRUE(loaded) << loaded.error().message;
  for (Parameter* p : loaded->model->store().parameters()) {
    if (p->name != "score.weight") continue;
    for (int64_t i = 0; i < p->numel(); ++i) {
      p->master.f32()[i] = 0.1f * std::sin(static_cast<float>(i + 1));
    }
  }
  loaded->model->refresh(best_launch());
  return std::move(loaded->model);
}

Floats scores_of(const Transformer& model, const Sequences& sequences, int64_t max_tokens = 64,
                 int threads = 1) {
  Arena arena;
  return score_sequences(model, sequences, max_tokens, {best_launch(threads), arena});
}

TEST(Scorer, AgreesWithTransformersOnEveryFamily) {
  const auto expected = nlohmann::json::parse(read_text(golden_root() / "scores.json").value());
  ASSERT_EQ(expected.size(), golden_names().size());
  for (const std::string& name : golden_names()) {
    const auto want = expected[name].get<std::vector<float>>();
    const auto model = golden_scorer(name);
    const Floats got = scores_of(*model, Golden(name).tokens);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-5) << name << " " << i;
  }
}

TEST(Scorer, GivesEqualBitsInAnyBatchAndThreadCount) {
  const auto model = golden_scorer("qwen3");
  Sequences sequences;
  for (int n : {1, 5, 63, 64, 65, 130, 7, 33}) {
    auto& s = sequences.emplace_back();
    for (int t = 0; t < n; ++t) s.push_back((7 * t + n) % 60);
  }
  Floats alone;
  for (const auto& s : sequences) alone.push_back(scores_of(*model, {s})[0]);
  for (int64_t max_tokens : {1, 70, 100, 10000}) {
    for (int threads : {1, 2}) {
      EXPECT_TRUE(equal_bits(scores_of(*model, sequences, max_tokens, threads), alone));
    }
  }
  EXPECT_TRUE(scores_of(*model, {}).empty());
}

class SavedScorer : public testing::Test {
 protected:
  Path folder_ = Path(testing::TempDir()) / "saved_scorer_test";
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void save(const std::string& name) {
    auto loaded =
        load_model(golden_root() / name,
                   {.dtype = "f32", .use = StoreUse::kTraining, .scorer = true}, best_launch());
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_TRUE(save_model(folder_, *golden_scorer(name), loaded->assets));
  }
};

TEST_F(SavedScorer, IsWhatTransformersReadsAndScoresTheSameBits) {
  for (const std::string name : {"qwen2", "qwen3_moe", "deepseek_v3"}) {  // qwen2's head is tied
    save(name);
    const auto config = nlohmann::json::parse(read_text(folder_ / "config.json").value());
    const std::string architecture = config["architectures"][0];
    EXPECT_TRUE(architecture.ends_with("ForSequenceClassification")) << architecture;
    EXPECT_EQ(config["id2label"].size(), 1u);
    const auto loaded = load_model(folder_, {.dtype = "f32", .scorer = true}, best_launch());
    ASSERT_TRUE(loaded) << loaded.error().message;
    const Sequences tokens = Golden(name).tokens;
    EXPECT_TRUE(
        equal_bits(scores_of(*loaded->model, tokens), scores_of(*golden_scorer(name), tokens)));
    for (const Parameter* p : loaded->model->store().parameters()) {
      EXPECT_NE(p->name, "lm_head.weight");
    }
  }
}

TEST_F(SavedScorer, IsRefusedWhereTextIsWanted) {
  save("llama");
  const auto loaded = load_model(folder_, {}, best_launch());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("a reward model, which scores"), std::string::npos)
      << loaded.error().message;
}

TEST_F(SavedScorer, WithSeveralLabelsIsRefused) {
  save("llama");
  auto config = nlohmann::json::parse(read_text(folder_ / "config.json").value());
  config["id2label"] = {{"0", "bad"}, {"1", "good"}};
  const auto two = read_model_config(config.dump());
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().message.find("2 labels"), std::string::npos);
  config.erase("id2label");
  EXPECT_FALSE(read_model_config(config.dump()));  // transformers' default is 2
  config["num_labels"] = 1;
  EXPECT_TRUE(read_model_config(config.dump()));
}

TEST(Scorer, BeginsAtZero) {
  const auto loaded =
      load_model(golden_root() / "llama", {.dtype = "f32", .scorer = true}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (float score : scores_of(*loaded->model, Golden("llama").tokens)) EXPECT_EQ(score, 0.0f);
}

}  // namespace
}  // namespace r1
