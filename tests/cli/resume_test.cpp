// Interrupted or not, on one thread or two, with whichever instructions: the same bits.
// R1_SLOW=1 kills ten times instead of three.
#include <cstdlib>

#include "base/random.h"
#include "cli/program.h"
#include "kernels/backend.h"

namespace r1 {
namespace {

Args pretrain_run(const Path& output_dir) {
  return pretrain_args(output_dir, 120) +
         Args{"--save_steps",       "10", "--gate.enabled", "--gate.every_steps", "20",
              "--gate.decay_steps", "30"};
}

/// Rewards that always differ, a reference that is refreshed, evaluations between.
Args rl_run(const Path& output_dir) {
  return {"rl",
          "--model",
          tiny_model().string(),
          "--output_dir",
          output_dir.string(),
          "--max_steps",
          "40",
          "--save_steps",
          "4",
          "--num_generations",
          "4",
          "--train_batch_size",
          "4",
          "--max_completion_length",
          "32",
          "--reward_funcs",
          "last_digit_language",
          "--reward_weights",
          "1",
          "--learning_rate",
          "1e-3",
          "--beta",
          "0.01",
          "--ref_model_sync_steps",
          "6",
          "--eval_steps",
          "10",
          "--eval_limit",
          "8"};
}

void expect_same_run(const Path& a, const Path& b) {
  for (const char* name : {"final/model.safetensors", "metrics.jsonl", "samples.jsonl"}) {
    const bool is_there = std::filesystem::exists(a / name);
    EXPECT_EQ(is_there, std::filesystem::exists(b / name)) << name;
    EXPECT_TRUE(slurp(a / name) == slurp(b / name)) << name << " differs";
  }
}

/// Kills a run again and again, then lets it end; each attempt goes on where the last was killed.
void expect_kill_changes_nothing(Args (*args)(const Path&), uint64_t seed) {
  const Scratch scratch;
  const Outcome whole = run_r1(args(scratch / "whole"));
  ASSERT_EQ(whole.status, 0) << whole.err;
  const char* slow = std::getenv("R1_SLOW");
  const int n_kills = slow && *slow == '1' ? 10 : 3;
  Rng moments(seed, stream_key({7}));
  int n_killed = 0;
  for (int i = 0; i < n_kills; ++i) {
    const double share = (0.1 + 0.9 * moments.uniform()) * 1.6 / n_kills;
    const Outcome killed =
        run_r1(args(scratch / "run") + Args{"--resume"}, {.kill_after = whole.seconds * share});
    EXPECT_TRUE(killed.signal == SIGKILL || killed.status == 0) << killed.err;
    n_killed += killed.signal == SIGKILL;
  }
  EXPECT_GT(n_killed, 0);
  must_run(args(scratch / "run") + Args{"--resume"});
  expect_same_run(scratch / "whole", scratch / "run");
}

TEST(Resume, KilledPretrainingEndsWithTheSameBits) { expect_kill_changes_nothing(pretrain_run, 1); }

TEST(Resume, KilledReinforcementEndsWithTheSameBits) { expect_kill_changes_nothing(rl_run, 2); }

TEST(Resume, WithoutACheckpointTheRunBeginsAnew) {
  const Scratch scratch;
  const Args never{"--save_steps", "0"};
  must_run(rl_run(scratch / "whole") + never);
  std::filesystem::create_directories(scratch / "run");
  spill(scratch / "run" / "metrics.jsonl",
        "{\"step\": 0, \"eval/pass@1\": 0.5}\n{\"step\": 1}\n{\"st");
  spill(scratch / "run" / "samples.jsonl", "{\"step\":1,\"prompt\":\"\"}\n");
  must_run(rl_run(scratch / "run") + never + Args{"--resume"});
  expect_same_run(scratch / "whole", scratch / "run");
}

TEST(Resume, OtherOptionsAreToldAndOtherDataIsRefused) {
  const Scratch scratch;
  const Path run = scratch / "run";
  must_run(rl_run(run) + Args{"--max_steps", "4"});
  const Args on = rl_run(run) + Args{"--resume", "--max_steps", "5", "--save_steps", "1"};
  EXPECT_HAS(must_fail(on + Args{"--seed", "1"}),
             "--resume has seed = 1, and the run began with 0");
  EXPECT_HAS(must_fail(on + Args{"--train_batch_size", "8"}), "train_batch_size = 8");
  const Outcome outcome = run_r1(on + Args{"--learning_rate", "0.1"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_HAS(outcome.err, "learning_rate 0.1 (was 0.001), max_steps 5 (was 4)");
}

TEST(SameBits, OnEveryThreadCountAndBackend) {
  const Scratch scratch;
  const auto hash_of = [&](const std::string& name, const Args& compute) {
    must_run(pretrain_args(scratch / (name + "p"), 6) + compute);
    Args rl = rl_run(scratch / (name + "r"));
    rl[6] = "3";
    rl[2] = (scratch / (name + "p") / "final").string();
    must_run(rl + compute);
    const std::string bytes = slurp(scratch / (name + "r") / "final" / "model.safetensors");
    EXPECT_FALSE(bytes.empty());
    return sha256(std::as_bytes(std::span(bytes)));
  };
  const std::string one = hash_of("t1", {"--compute.threads", "1"});
  EXPECT_EQ(one, hash_of("t2", {"--compute.threads", "2"}));
  for (const Backend backend : available_backends()) {
    if (backend == Backend::kReference) continue;
    const std::string name = backend_name(backend);
    EXPECT_EQ(one, hash_of(name, {"--compute.backend", name})) << name;
  }
}

}  // namespace
}  // namespace r1
