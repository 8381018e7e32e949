// Teachers and students of different kinds, in process.
#include "train/distill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/scratch.h"
#include "data/last_digit.h"
#include "text/bpe_trainer.h"
#include "train/distill_batch.h"
#include "train/feature_match.h"
#include "train/teacher_cache.h"
#include "train/vocabulary.h"

namespace r1 {
namespace {

TrainingArguments small_args(const Path& output_dir) {
  TrainingArguments args;
  args.output_dir = output_dir.string();
  args.max_steps = 2;
  args.learning_rate = 1e-2;
  args.compute.threads = 1;
  return args;
}

NewModel small_shape(const std::string& architecture) {
  NewModel shape;
  shape.architecture = architecture;
  shape.d_model = 16, shape.n_layers = 2, shape.n_heads = 2, shape.n_kv_heads = 2;
  shape.head_dim = 8, shape.d_ff = 32;
  shape.n_routed_experts = 4, shape.moe_intermediate_size = 16;
  return shape;
}

/// A folder with a tokenizer and nothing else: the built-in task's, or bytes and a few merges.
Path words_folder(const Path& folder, bool is_built_in) {
  EXPECT_TRUE(make_folder(folder));
  std::string tokenizer = last_digit_tokenizer_json(), config = last_digit_tokenizer_config_json();
  if (!is_built_in) {
    BpeTrainerConfig train;
    train.vocab_size = 290;
    auto trainer = BpeTrainer::make(train);
    for (int i = 0; i < 9; ++i) trainer->add("so then wait check first answer guess quick");
    tokenizer = trainer->train();
    config = R"({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"})";
  }
  EXPECT_TRUE(write_text_atomic(folder / "tokenizer.json", tokenizer));
  EXPECT_TRUE(write_text_atomic(folder / "tokenizer_config.json", config));
  return folder;
}

Path model_folder(const Path& folder, const std::string& architecture, bool is_built_in,
                  uint64_t seed) {
  TrainingArguments args = small_args(folder);
  args.seed = seed;
  const Machine machine = Machine::open(args.compute).value();
  NewModel shape = small_shape(architecture);
  if (!is_built_in) shape.max_positions = 1024;  // bytes take more room
  const Path words = words_folder(folder / "words", is_built_in);
  const auto made = make_student(shape, words, folder / "model", args, machine.launch());
  EXPECT_TRUE(made) << made.error().message;
  return folder / "model";
}

/// What DeepSeek did: experts and latent attention teach a dense model with other words, by text.
TEST(Distill, AMixtureTeachesADenseModelOfAnotherVocabularyByText) {
  const Scratch scratch;
  DistillConfig config;
  config.method = "traces";
  config.teacher = model_folder(scratch / "teacher", "deepseek_v3", true, 1).string();
  config.model = model_folder(scratch / "student", "llama", false, 2).string();
  config.train = small_args(scratch / "run");
  config.sample.config.limit = 4;
  config.sample.config.samples = 2;
  config.sample.config.max_tokens = 60;
  config.sample.config.quality.filters = {"length"};
  const auto report = distill(config);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->steps, 2);
  const ModelConfig made = open_config(report->model).value();
  EXPECT_EQ(made.architecture, "LlamaForCausalLM");
  EXPECT_GT(made.vocab_size, 256);
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/traces.jsonl"));

  config.method = "logits";
  config.data = (scratch / "run/traces.jsonl").string();
  config.train = small_args(scratch / "logits");
  const auto refused = distill(config);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("different vocabularies"), std::string::npos);
  EXPECT_NE(refused.error().message.find("--method traces"), std::string::npos);
}

TEST(Distill, AMixtureTeachesADenseModelItsLogitsAndStreams) {
  const Scratch scratch;
  const Path rows = scratch / "rows.jsonl";
  ASSERT_TRUE(write_text_atomic(
      rows, R"({"prompt": "8 a + 4 ?", "completion": "<think> 8 + 4 = 2 </think>"})"
            "\n"));
  for (const char* method : {"logits", "features"}) {
    DistillConfig config;
    config.method = method;
    config.teacher = model_folder(scratch / method / "t", "deepseek_v3", true, 1).string();
    config.model = model_folder(scratch / method / "s", "llama", true, 2).string();
    config.data = rows.string();
    config.train_batch_size = 1;
    config.train = small_args(scratch / method / "run");
    config.train.max_steps = 30;
    const auto report = distill(config);
    ASSERT_TRUE(report) << report.error().message;
    const auto metrics = read_metrics(scratch / method / "run").value();
    EXPECT_LT(metrics.back().second.front().second, 0.7 * metrics.front().second.front().second)
        << method;
  }
}

/// Student, teacher and a step of two sequences.
struct Step {
  Scratch scratch;
  Machine machine = Machine::open({.threads = 1}).value();
  LoadedModel student, teacher;
  std::unique_ptr<Learner> learner;
  const std::vector<TokenSequence> sequences = {{{1, 3, 20, 31, 12, 2}, {0, 0, 1, 1, 0.5f, 1}},
                                                {{1, 40, 41}, {0, 1, 1}}};

  explicit Step(const std::string& architecture) {
    const Path s = model_folder(scratch / "s", "llama", true, 2);
    const Path t = model_folder(scratch / "t", architecture, true, 1);
    student = load_model(s, {.use = StoreUse::kTraining}, machine.launch()).value();
    teacher = load_model(t, {}, machine.launch()).value();
    learner = std::make_unique<Learner>(*student.model, AdamWConfig{}, Dtype::kF32, false,
                                        machine.launch());
    student.model->trained().zero_grads();
  }
  std::span<float> masters() const { return flat(student.model->trained().masters()); }
  std::span<float> grads() const { return flat(student.model->trained().grads()); }
  static std::span<float> flat(Tensor t) { return {t.f32(), static_cast<size_t>(t.numel())}; }
};

TEST(Distill, HardLabelsAloneHaveTheGradientsOfSft) {
  Step step("llama");
  DistillConfig config;
  config.method = "logits";
  config.loss.alpha = 0;
  Distiller distiller(config, *step.learner, step.teacher.model.get(), 0);
  const StepLoss ours = distiller.divergence(step.sequences).value();
  const std::vector<float> gradients(step.grads().begin(), step.grads().end());
  step.student.model->trained().zero_grads();
  const StepLoss theirs = accumulate_nll(*step.learner, step.sequences, 2048).value();
  EXPECT_NEAR(ours.loss, theirs.loss, 1e-5);
  for (size_t i = 0; i < gradients.size(); ++i)
    ASSERT_NEAR(gradients[i], step.grads()[i], 1e-5) << i;
}

/// The whole way: loss, head, streams, blocks, embedding.
TEST(Distill, GradientsOfWholeModelsAreThoseOfCentralDifferences) {
  for (const char* method : {"logits", "features"}) {
    Step step("deepseek_v3");
    DistillConfig config;
    config.method = method;
    config.loss.divergence = "jsd";
    config.loss.temperature = 2;
    config.loss.alpha = 0.7;
    Distiller distiller(config, *step.learner, step.teacher.model.get(), 0);
    FeatureMatch features({{0, 0}, {1, 2}, {2, 2}}, 16, 16, FeatureLoss::kMse, {}, 5,
                          step.machine.launch());
    if (config.method == "features") distiller.use_features(&features);
    ASSERT_TRUE(distiller.divergence(step.sequences));
    const std::vector<float> gradients(step.grads().begin(), step.grads().end());
    const auto loss_at = [&](size_t i, float value) {
      step.masters()[i] = value;
      step.student.model->refresh(step.machine.launch());
      return distiller.divergence(step.sequences).value().loss;
    };
    Rng rng(11, 0);
    for (int n = 0; n < 40; ++n) {
      const auto i = static_cast<size_t>(rng.below(std::ssize(gradients)));
      const float w = step.masters()[i], h = 0.004f;
      const double slope = (loss_at(i, w + h) - loss_at(i, w - h)) / (2.0 * h);
      loss_at(i, w);
      EXPECT_NEAR(gradients[i], slope, 1e-3 + 0.02 * std::abs(slope)) << method << " " << i;
    }
  }
}

TEST(Distill, RowsThatPadAnEmbeddingAreLeftOut) {
  const Scratch scratch;
  const Path words = words_folder(scratch / "words", true);
  const auto a = Tokenizer::load(words), b = Tokenizer::load(words);
  ASSERT_TRUE(a);
  EXPECT_EQ(common_vocabulary(*a, *b).value(), a->vocab_size());
  const auto other = Tokenizer::load(words_folder(scratch / "other", false));
  const auto refused = common_vocabulary(*a, *other);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(std::to_string(a->vocab_size())), std::string::npos);
  EXPECT_NE(refused.error().message.find(std::to_string(other->vocab_size())), std::string::npos);
}

TEST(TeacherCache, IsReadBackAndKnowsItsKey) {
  const Scratch scratch;
  const Path folder = model_folder(scratch / "t", "llama", true, 1);
  const Machine machine = Machine::open({.threads = 1}).value();
  const LoadedModel teacher = load_model(folder, {}, machine.launch()).value();
  const std::vector<TokenSequence> sequences = {{{1, 2, 3, 4}, {0, 0, 1, 1}}, {{5, 6}, {0, 1}}};
  const std::string key = TeacherCache::key_of(sequences, 4, 1.0, "t");
  const TeacherCache made = TeacherCache::compute(*teacher.model, sequences, 4, 1.0, 69, 64,
                                                  Dtype::kF32, machine.launch());
  EXPECT_EQ(made.n_rows(), 3);
  const Path file = scratch / "cache.safetensors";
  ASSERT_TRUE(made.write(file, key));
  const auto read = TeacherCache::read(file, key);
  ASSERT_TRUE(read && *read);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::ranges::equal((*read)->row(i).ids, made.row(i).ids));
    EXPECT_TRUE(std::ranges::equal((*read)->row(i).logp, made.row(i).logp));
    double mass = made.row(i).rest;
    for (const float logp : made.row(i).logp) mass += std::exp(logp);
    EXPECT_NEAR(mass, 1, 1e-5);
  }
  EXPECT_FALSE(TeacherCache::read(file, "other").value());
  EXPECT_NE(key, TeacherCache::key_of(sequences, 4, 2.0, "t"));
  ASSERT_TRUE(write_text_atomic(file, "broken"));
  EXPECT_FALSE(TeacherCache::read(file, key));
}

TEST(LayerPairs, AreSpreadEvenlyOrNamed) {
  const auto even = parse_layer_pairs({}, 2, 6).value();
  ASSERT_EQ(even.size(), 2u);
  EXPECT_EQ(even[0].teacher, 3);
  EXPECT_EQ(even[1].teacher, 6);
  EXPECT_EQ(parse_layer_pairs({"1:4"}, 2, 6).value()[0].teacher, 4);
  for (const char* bad : {"", "x", "3:1", "1:7", "-1:2", "1:2:3"})
    EXPECT_FALSE(parse_layer_pairs({bad}, 2, 6)) << bad;
}

}  // namespace
}  // namespace r1
