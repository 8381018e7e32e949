// Pretraining beyond the loop: validation, averaged weights, token files, longer contexts.
#include <cmath>

#include "base/log.h"
#include "checkpoint/fixtures.h"
#include "data/last_digit.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/pretrain.h"
#include "train/weight_average.h"

namespace r1 {
namespace {

class Pretraining : public testing::Test {
 protected:
  Pretraining() { set_log_level(LogLevel::kQuiet); }
  ~Pretraining() override { set_log_level(LogLevel::kInfo); }

  Path at(const std::string& name) const { return folder_.path / name; }

  PretrainConfig config(const std::string& run, int64_t max_steps,
                        const std::string& dtype = "f32") const {
    PretrainConfig c;
    c.new_model.d_model = 32;
    c.new_model.n_layers = 1;
    c.new_model.n_heads = 2;
    c.new_model.n_kv_heads = 1;
    c.new_model.head_dim = 16;
    c.new_model.d_ff = 48;
    c.tokens_per_step = 256;
    c.train.output_dir = at(run).string();
    c.train.dtype = dtype;
    c.train.learning_rate = 3e-3;
    c.train.warmup_steps = 2;
    c.train.max_steps = max_steps;
    c.train.micro_batch_tokens = 200;
    c.train.save_steps = 4;
    c.train.save_total_limit = 10;
    c.train.logging_steps = 5;
    c.train.compute.threads = 2;
    return c;
  }

  /// All of it at once: stream, ramp, V3's schedule, validation and an average.
  PretrainConfig everything(const std::string& run, const std::string& dtype) const {
    PretrainConfig c = config(run, 12, dtype);
    c.packing.packing = "stream";
    c.max_length = 64;
    c.ramp = {128, 1024, 0};
    c.train.lr_scheduler_type = "deepseek_v3";
    c.validation = {kLastDigitData, 3, 500};
    c.ema_decay = 0.9;
    return c;
  }

  /// Folder of a model after one step.
  std::string tiny() {
    if (!std::filesystem::exists(at("tiny"))) {
      EXPECT_TRUE(ok(pretrain(config("tiny", 1))));
    }
    return (at("tiny") / "final").string();
  }

  std::map<std::string, double> metrics(const std::string& run, int64_t step) const {
    const auto all = read_metrics(at(run));
    EXPECT_TRUE(ok(all));
    for (const auto& [at_step, values] : *all) {
      if (at_step == step) return {values.begin(), values.end()};
    }
    return {};
  }

  std::string weights(const std::string& run, const std::string& folder) const {
    const std::string bytes = read_bytes(at(run) / folder / "model.safetensors");
    EXPECT_GT(bytes.size(), 1000u);
    return bytes;
  }

  TestFolder folder_;
};

TEST_F(Pretraining, AResumedRunWithAllOfItEndsInTheSameBits) {
  for (const std::string dtype : {"f32", "bf16"}) {
    const std::string whole = "whole" + dtype, killed = "killed" + dtype;
    PretrainConfig c = everything(whole, dtype);
    ASSERT_TRUE(ok(pretrain(c)));
    std::filesystem::copy(at(whole), at(killed), std::filesystem::copy_options::recursive);
    for (const char* gone : {"final", "final_ema", "checkpoints/step-8", "checkpoints/step-12"})
      std::filesystem::remove_all(at(killed) / gone);
    c.train.output_dir = at(killed).string();
    c.train.resume = true;
    c.train.compute.threads = 1;
    ASSERT_TRUE(ok(pretrain(c)));
    EXPECT_TRUE(weights(whole, "final") == weights(killed, "final"));
    EXPECT_TRUE(weights(whole, "final_ema") == weights(killed, "final_ema"));
    EXPECT_FALSE(weights(whole, "final") == weights(whole, "final_ema"));
    EXPECT_EQ(read_bytes(at(whole) / "metrics.jsonl"), read_bytes(at(killed) / "metrics.jsonl"));
  }
}

TEST_F(Pretraining, ValidationIsMeasuredBeforeBetweenAndAfter) {
  ASSERT_TRUE(ok(pretrain(everything("run", "f32"))));
  for (const int64_t step : {0, 3, 6, 9, 12}) {
    const auto values = metrics("run", step);
    for (const char* name : {"eval_loss", "eval_bpb", "eval_loss_ema", "eval_bpb_ema"})
      EXPECT_TRUE(values.contains(name)) << step << " " << name;
  }
  EXPECT_FALSE(metrics("run", 5).contains("eval_loss"));
  EXPECT_TRUE(metrics("run", 5).contains("loss"));
  EXPECT_EQ(metrics("run", 0).at("eval_loss"), metrics("run", 0).at("eval_loss_ema"));
  EXPECT_LT(metrics("run", 12).at("eval_loss"), metrics("run", 0).at("eval_loss"));
  EXPECT_EQ(metrics("run", 5).at("num_tokens"), 256);  // the batch has grown: 128, 144, …
}

/// A model without weights knows nothing: every token costs ln V.
TEST_F(Pretraining, BitsPerByteOfAModelThatKnowsNothingAreKnown) {
  const Path folder = tiny();
  write_bytes(at("rows.jsonl"), "{\"text\": \"8 a + 4 b\"}\n{\"text\": \"verifie so\"}\n");
  const Launch launch = best_launch(1);
  auto loaded = load_model(folder, {.dtype = "f32", .use = StoreUse::kTraining}, launch);
  ASSERT_TRUE(ok(loaded));
  Transformer& model = *loaded->model;
  const auto chat = Chat::open(folder, model.config());
  ASSERT_TRUE(ok(chat));
  const int64_t V = model.config().vocab_size;
  std::fill_n(model.trained().masters().f32(), model.trained().numel(), 0.0f);
  model.refresh(launch);
  Learner learner(model, {}, Dtype::kF32, false, launch);
  for (const int64_t max_length : {3, 100}) {  // windows cut the documents, and change nothing
    const auto validation = Validation::open({at("rows.jsonl").string(), 1, 1000}, "", {}, {},
                                             *chat, 0, V, max_length, *launch.pool);
    ASSERT_TRUE(ok(validation));
    EXPECT_EQ(validation->n_tokens(), 5 + 1 + 2 + 1);
    EXPECT_EQ(validation->n_bytes(), 9 + 10);
    const auto loss = validation->measure(learner, 16);
    EXPECT_NEAR(loss.nats_per_token, std::log(V), 1e-5);
    EXPECT_NEAR(loss.bits_per_byte, 7 * std::log2(V) / 19, 1e-5);
  }
  const auto cut = Validation::open({at("rows.jsonl").string(), 1, 3}, "", {}, {}, *chat, 0, V, 100,
                                    *launch.pool);
  ASSERT_TRUE(ok(cut));
  EXPECT_EQ(cut->n_tokens(), 3);
  EXPECT_EQ(cut->n_bytes(), 5);  // "8 a +"
}

TEST_F(Pretraining, TheTextThatIsLearnedIsNotHeldOut) {
  write_bytes(at("rows.jsonl"), "{\"text\": \"8 a + 4 b\"}\n");
  PretrainConfig c = config("run", 1);
  c.model = tiny();
  c.data = c.validation.eval_data = at("rows.jsonl").string();
  const auto report = pretrain(c);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("hold other text out"), std::string::npos);
}

TEST_F(Pretraining, ATokenFileTrainsAsItsTextDoes) {
  std::string rows;
  for (int i = 0; i < 50; ++i) {
    const Document d = last_digit_document(1, i);
    rows += "{\"text\": \"" + d.prompt + " " + d.completion + "\"}\n";
  }
  write_bytes(at("rows.jsonl"), rows);
  const auto assets = read_assets(tiny());
  ASSERT_TRUE(ok(assets));
  const auto tokenizer = Tokenizer::from_files(*assets, "tiny");
  ASSERT_TRUE(ok(tokenizer));
  ThreadPool pool(1);
  std::string bytes;
  ASSERT_TRUE(ok(tokenize({at("rows.jsonl")}, {}, *tokenizer, pool, [&](auto more) -> Result<void> {
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  })));
  write_bytes(at("rows.tokens"), bytes);
  for (const char* data : {"rows.jsonl", "rows.tokens"}) {
    PretrainConfig c = config(std::string("on_") + data, 3);
    c.model = tiny();
    c.data = at(data).string();
    ASSERT_TRUE(ok(pretrain(c)));
  }
  EXPECT_TRUE(weights("on_rows.jsonl", "final") == weights("on_rows.tokens", "final"));
}

TEST_F(Pretraining, AnExtendedModelGoesOnBeyondItsPositions) {
  PretrainConfig c = config("longer", 2);
  c.model = tiny();
  c.extension = {.rope_scaling = "yarn", .max_position_embeddings = 1024};
  c.packing.packing = "stream";
  c.tokens_per_step = 1024;
  ASSERT_TRUE(ok(pretrain(c)));
  const auto extended = open_config(at("longer") / "final");
  ASSERT_TRUE(ok(extended));
  EXPECT_EQ(extended->max_positions, 1024);
  EXPECT_EQ(extended->rope_scaling.factor, 4.0);
  c.train.resume = true;  // the same command on the checkpoint, which is extended already
  c.train.max_steps = 3;
  ASSERT_TRUE(ok(pretrain(c)));
  PretrainConfig again = config("again", 1);
  again.model = (at("longer") / "final").string();
  again.max_length = 512;
  ASSERT_TRUE(ok(pretrain(again)));
  EXPECT_EQ(open_config(at("again") / "final")->max_positions, 1024);
  PretrainConfig fresh = config("fresh", 1);
  fresh.extension = c.extension;
  EXPECT_FALSE(pretrain(fresh));
}

TEST(WeightAverage, FollowsTheWeightsAndGivesEveryBitBack) {
  const Launch launch = best_launch(2);
  const auto model = random_model(tiny_config(), Dtype::kBF16, launch);
  const ParameterStore& store = model->trained();
  float* const w = store.masters().f32();
  const Floats before = floats_of(store.masters());
  WeightAverage average(store, 0.5);
  for (int64_t i = 0; i < store.numel(); ++i) w[i] += 1.0f;
  average.update(launch, 1);  // d = min(0.5, 2 / 11)
  for (int64_t i = 0; i < store.numel(); i += 97)
    EXPECT_NEAR(average.tensor().f32()[i], before[i] + 9.0 / 11, 1e-5);
  for (int64_t i = 0; i < store.numel(); ++i) w[i] -= 1.0f;
  average.update(launch, 100);  // d = 0.5
  const Floats weights = floats_of(store.masters()), averaged = floats_of(average.tensor());
  for (int64_t i = 0; i < store.numel(); i += 97)
    EXPECT_NEAR(averaged[i], before[i] + 4.5 / 11, 1e-5);
  average.exchange(*model, launch);
  EXPECT_EQ(floats_of(store.masters()), averaged);
  average.exchange(*model, launch);
  EXPECT_EQ(floats_of(store.masters()), weights);
  EXPECT_EQ(floats_of(average.tensor()), averaged);
}

}  // namespace
}  // namespace r1
