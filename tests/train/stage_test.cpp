// Whole stages: nothing but seed and data decides the result; an interrupted run ends in the same
// bits.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <limits>
#include <thread>

#include "checkpoint/fixtures.h"
#include "models/model_io.h"
#include "nn/fixtures.h"
#include "train/grpo.h"
#include "train/pretrain.h"

namespace r1 {
namespace {

class Stage : public testing::Test {
 protected:
  Stage() { set_log_level(LogLevel::kQuiet); }
  ~Stage() override { set_log_level(LogLevel::kInfo); }

  Path at(const std::string& name) const { return folder_.path / name; }

  PretrainConfig pretrain_config(const std::string& run, int64_t max_steps,
                                 const std::string& dtype = "f32") const {
    PretrainConfig c;
    c.new_model.d_model = 32;
    c.new_model.n_layers = 2;
    c.new_model.n_heads = 2;
    c.new_model.n_kv_heads = 1;
    c.new_model.head_dim = 16;
    c.new_model.d_ff = 48;
    c.tokens_per_step = 256;
    c.train = arguments(run, max_steps, dtype);
    return c;
  }

  GrpoConfig grpo_config(const std::string& run, const Path& model,
                         const std::string& dtype = "f32") const {
    GrpoConfig c;
    c.model = model.string();
    c.train_batch_size = 3;
    c.num_generations = 4;
    c.max_completion_length = 12;
    c.reward_funcs = {"last_digit_language"};  // varies even among the words of a new model
    c.reward_weights = {1.0};
    c.beta = 0.01;
    c.ref_model_sync_steps = 2;
    c.entropy_coef = 0.01;
    c.num_iterations = 2;
    c.num_mini_batches = 2;
    c.engine.max_sequences = 5;
    c.train = arguments(run, 6, dtype);
    c.train.save_steps = 3;
    return c;
  }

  TrainingArguments arguments(const std::string& run, int64_t max_steps,
                              const std::string& dtype) const {
    TrainingArguments a;
    a.output_dir = at(run).string();
    a.seed = 3;
    a.dtype = dtype;
    a.learning_rate = 3e-3;
    a.lr_scheduler_type = "cosine";
    a.warmup_steps = 2;
    a.max_steps = max_steps;
    a.micro_batch_tokens = 200;
    a.save_steps = 4;
    a.save_total_limit = 10;
    a.compute.threads = 2;
    return a;
  }

  std::string final_weights(const std::string& run) const {
    const std::string bytes = read_bytes(at(run) / "final" / "model.safetensors");
    EXPECT_GT(bytes.size(), 10000u);
    return bytes;
  }

  /// A copy of a run as a kill would leave it: after its last metrics, before checkpoints past
  /// `step`.
  void copy_killed(const std::string& from, const std::string& to, int64_t step) const {
    std::filesystem::copy(at(from), at(to), std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(at(to) / "final");
    for (const std::string& name : files_in(at(to) / "checkpoints")) {
      if (std::stoll(name.substr(name.find('-') + 1)) > step)
        std::filesystem::remove_all(at(to) / "checkpoints" / name);
    }
    const std::string metrics = read_bytes(at(to) / "metrics.jsonl");
    write_bytes(at(to) / "metrics.jsonl", metrics + "{\"step\": 99, \"lo");
  }

  void expect_same_run(const std::string& a, const std::string& b) const {
    EXPECT_TRUE(final_weights(a) == final_weights(b)) << "final weights differ";
    EXPECT_EQ(read_bytes(at(a) / "metrics.jsonl"), read_bytes(at(b) / "metrics.jsonl"));
    if (std::filesystem::exists(at(a) / "samples.jsonl")) {
      EXPECT_EQ(read_bytes(at(a) / "samples.jsonl"), read_bytes(at(b) / "samples.jsonl"));
    }
  }

  TestFolder folder_;
};

TEST_F(Stage, ThreadsBackendsAndRecomputingChangeNoBitOfAPretrainedModel) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base", 4))));
  int n = 0;
  for (Backend backend : available_backends()) {
    for (int threads : {1, 2}) {
      if (backend == Backend::kReference && threads == 2) continue;
      SCOPED_TRACE(fmt::format("{} with {} threads", backend_name(backend), threads));
      const std::string name = "other" + std::to_string(n++);
      PretrainConfig c = pretrain_config(name, 4);
      c.train.compute = {threads, backend_name(backend)};
      c.train.gradient_checkpointing = threads == 1;
      ASSERT_TRUE(ok(pretrain(c)));
      expect_same_run("base", name);
    }
  }
  PretrainConfig other_seed = pretrain_config("other_seed", 4);
  other_seed.train.seed = 4;
  ASSERT_TRUE(ok(pretrain(other_seed)));
  EXPECT_FALSE(final_weights("base") == final_weights("other_seed"));
}

TEST_F(Stage, AResumedPretrainingEndsInTheSameBits) {
  for (const char* dtype : {"f32", "bf16"}) {
    const auto named = [&](const char* name) { return std::string(name) + dtype; };
    PretrainConfig c = pretrain_config(named("whole"), 12, dtype);
    c.gate.enabled = true;  // decay begins at step 6, because no more are left
    c.gate.operand = 2;
    c.gate.every_steps = 3;
    c.gate.decay_steps = 6;
    ASSERT_TRUE(ok(pretrain(c)));
    for (int64_t step : {4, 8}) {
      const std::string killed = named("killed") + std::to_string(step);
      copy_killed(named("whole"), killed, step);
      c.train.output_dir = at(killed).string();
      c.train.resume = true;
      c.train.compute.threads = 1;
      ASSERT_TRUE(ok(pretrain(c)));
      expect_same_run(named("whole"), killed);
    }
  }
}

TEST_F(Stage, AKilledPretrainingResumesToTheSameBits) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "threads after fork are not supported by the thread sanitizer";
#endif
  ASSERT_TRUE(ok(pretrain(pretrain_config("whole", 12))));
  PretrainConfig c = pretrain_config("killed", 12);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(pretrain(c) ? 0 : 1);
  for (int i = 0; i < 5000 && !std::filesystem::exists(at("killed") / "checkpoints" / "step-4");
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  c.train.resume = true;
  ASSERT_TRUE(ok(pretrain(c)));
  expect_same_run("whole", "killed");
}

TEST_F(Stage, AResumedGrpoEndsInTheSameBits) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base", 4))));
  for (const char* dtype : {"f32", "bf16"}) {
    const std::string whole = std::string("whole") + dtype, killed = std::string("killed") + dtype;
    GrpoConfig c = grpo_config(whole, at("base") / "final", dtype);
    ASSERT_TRUE(ok(grpo(c)));
    copy_killed(whole, killed, 3);
    c.train.output_dir = at(killed).string();
    c.train.resume = true;
    c.train.compute.threads = 1;
    c.engine.max_sequences = 64;  // the sampler's schedule is no part of the result
    ASSERT_TRUE(ok(grpo(c)));
    expect_same_run(whole, killed);
    EXPECT_FALSE(final_weights(whole) == final_weights("base"));
    const auto metrics = read_metrics(at(whole));
    ASSERT_TRUE(ok(metrics));
    ASSERT_EQ(metrics->size(), 6u);
    bool has_kl = false;
    for (const auto& [name, value] : (*metrics)[1].second)
      has_kl = has_kl || (name == "kl" && value > 0);
    EXPECT_TRUE(has_kl);
  }
}

TEST_F(Stage, GrpoOfOneUpdateAStepSamplesExactlyWhatItTrains) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base", 2))));
  GrpoConfig c = grpo_config("run", at("base") / "final");
  c.num_iterations = c.num_mini_batches = 1;
  c.sampling.temperature = 0.6f;
  ASSERT_TRUE(ok(grpo(c)));
  const auto metrics = read_metrics(at("run"));
  ASSERT_TRUE(ok(metrics));
  for (const auto& [step, line] : *metrics) {
    int n_seen = 0;
    for (const auto& [name, value] : line) {
      const bool is_ratio = name.starts_with("sampling/importance_sampling_ratio/");
      const bool is_difference = name.starts_with("sampling/sampling_logp_difference/");
      if (!is_ratio && !is_difference) continue;
      EXPECT_EQ(value, is_ratio ? 1.0 : 0.0) << name;
      ++n_seen;
    }
    EXPECT_EQ(n_seen, 5);
  }
}

TEST_F(Stage, NanWeightsEndARunWithItsStepAndSaveNothing) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base", 1))));
  {
    auto loaded = load_model(at("base") / "final", {.dtype = "f32", .use = StoreUse::kTraining},
                             best_launch());
    ASSERT_TRUE(ok(loaded));
    Tensor masters = loaded->model->store().masters();
    for (int64_t i = 0; i < 70 * 32; ++i)
      masters.f32()[i] = std::numeric_limits<float>::quiet_NaN();
    ASSERT_TRUE(ok(save_model(at("bad"), *loaded->model, loaded->assets)));
  }
  PretrainConfig p = pretrain_config("pretrain", 4);
  p.model = at("bad").string();
  expect_error(pretrain(p), {"step 1", "not finite"});
  expect_error(grpo(grpo_config("grpo", at("bad"))), {"step 1", "not finite"});
  for (const char* run : {"pretrain", "grpo"}) {
    EXPECT_FALSE(std::filesystem::exists(at(run) / "final"));
    EXPECT_FALSE(std::filesystem::exists(at(run) / "checkpoints"));
    EXPECT_EQ(read_bytes(at(run) / "metrics.jsonl"), "");
  }
}

TEST_F(Stage, SftLearnsItsAnswersAndResumesToTheSameBits) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base", 2))));
  std::string rows;
  for (const char* digit : {"1", "2", "3", "4", "5"}) {
    rows += fmt::format("{{\"prompt\": \"{} a + {} ?\", \"completion\": \"answer {}\"}}\n", digit,
                        digit, digit);
  }
  write_bytes(at("rows.jsonl"), rows);
  SftConfig c;
  c.model = (at("base") / "final").string();
  c.data = at("rows.jsonl").string();
  c.train_batch_size = 3;
  c.train = arguments("whole", 12, "f32");
  const auto report = sft(c);
  ASSERT_TRUE(ok(report));
  EXPECT_EQ(report->steps, 12);
  const auto metrics = read_metrics(at("whole"));
  ASSERT_TRUE(ok(metrics));
  const auto loss = [&](size_t i) { return (*metrics)[i].second[0].second; };
  EXPECT_LT(loss(11), 0.8 * loss(0));
  copy_killed("whole", "killed", 8);  // in the middle of an epoch
  c.train.output_dir = at("killed").string();
  c.train.resume = true;
  ASSERT_TRUE(ok(sft(c)));
  expect_same_run("whole", "killed");
}

TEST_F(Stage, PretrainingRefusesAContextTooShortForItsDocuments) {
  PretrainConfig c = pretrain_config("run", 4);
  c.new_model.max_positions = 16;
  expect_error(pretrain(c), {"max_positions"});
}

}  // namespace
}  // namespace r1
