// Schedules, arguments and the run folder.
#include "train/run.h"

#include <fstream>

#include "checkpoint/fixtures.h"
#include "train/run_options.h"

namespace r1 {
namespace {

TrainingArguments arguments(const std::string& schedule) {
  TrainingArguments a;
  a.output_dir = "somewhere";
  a.learning_rate = 0.1;
  a.lr_scheduler_type = schedule;
  a.warmup_steps = 4;
  a.max_steps = 14;
  a.min_lr_ratio = 0.2;
  return a;
}

TEST(Schedule, WarmsUpThenFollowsItsCurve) {
  for (const char* name : {"constant", "linear", "cosine"}) {
    const auto a = arguments(name);
    EXPECT_DOUBLE_EQ(*scheduled_rate(a, 0), 0.025) << name;
    EXPECT_DOUBLE_EQ(*scheduled_rate(a, 3), 0.1) << name;
    EXPECT_DOUBLE_EQ(*scheduled_rate(a, 4), 0.1) << name;
  }
  EXPECT_DOUBLE_EQ(*scheduled_rate(arguments("constant"), 13), 0.1);
  EXPECT_NEAR(*scheduled_rate(arguments("linear"), 9), 0.1 * 0.6, 1e-15);
  EXPECT_NEAR(*scheduled_rate(arguments("cosine"), 9), 0.1 * 0.6, 1e-15);
  EXPECT_NEAR(*scheduled_rate(arguments("linear"), 14), 0.02, 1e-15);
  EXPECT_NEAR(*scheduled_rate(arguments("cosine"), 14), 0.02, 1e-15);
  EXPECT_NEAR(*scheduled_rate(arguments("cosine"), 100), 0.02, 1e-15);
  const auto unknown = scheduled_rate(arguments("triangle"), 4);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message,
            "unknown lr_scheduler_type 'triangle'; known: constant, linear, cosine, "
            "warmup_stable_decay, deepseek_v3");
}

TEST(TrainingArguments, AreRefusedByName) {
  const auto refusal = [](auto change) {
    TrainingArguments a = arguments("constant");
    change(a);
    const auto valid = a.validate();
    return valid ? std::string("accepted") : valid.error().message;
  };
  using A = TrainingArguments;
  EXPECT_EQ(refusal([](A&) {}), "accepted");
  EXPECT_NE(refusal([](A& a) { a.output_dir = ""; }).find("output_dir is not set"),
            std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.max_steps = 0; }).find("max_steps is 0"), std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.learning_rate = -1; }).find("learning_rate is -1"),
            std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.micro_batch_tokens = 0; }).find("micro_batch_tokens is 0"),
            std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.save_total_limit = 0; }).find("save_total_limit is 0"),
            std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.logging_steps = 0; }).find("logging_steps is 0"),
            std::string::npos);
  EXPECT_NE(refusal([](A& a) { a.resume = a.overwrite = true; }).find("exclude each other"),
            std::string::npos);
}

TEST(KvDtype, IsTheModelsUnlessNamed) {
  EXPECT_EQ(*kv_dtype_of("auto", Dtype::kBF16), Dtype::kBF16);
  EXPECT_EQ(*kv_dtype_of("bf16", Dtype::kF32), Dtype::kBF16);
  EXPECT_FALSE(kv_dtype_of("f16", Dtype::kF32));
  EXPECT_FALSE(kv_dtype_of("q4", Dtype::kF32));
}

TEST(Run, DoesNotTouchAnotherRunUnlessAsked) {
  TestFolder folder;
  TrainingArguments a = arguments("constant");
  a.output_dir = (folder.path / "run").string();
  {
    auto run = Run::open(a, "x = 1\n");
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_EQ(run->first_step(), 0);
    EXPECT_EQ(run->loop_state(), "{}");
    ASSERT_TRUE(run->record(1, {{"loss", 2.5}}));
    ASSERT_TRUE(run->record_sample(1, "{\"completion\":\"a\"}"));
  }
  EXPECT_EQ(read_bytes(folder.path / "run" / "samples.jsonl"),
            "{\"step\":1,\"completion\":\"a\"}\n");
  const auto refused = Run::open(a, "");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(
                "already holds a run; --resume goes on with it, --overwrite starts again"),
            std::string::npos);
  a.overwrite = true;
  ASSERT_TRUE(Run::open(a, ""));
  EXPECT_FALSE(std::filesystem::exists(folder.path / "run" / "samples.jsonl"));
  EXPECT_EQ(read_bytes(folder.path / "run" / "metrics.jsonl"), "");
}

/// What --resume says to `now` of a run that began with `begun`.
std::string resumed(const std::string& begun, const std::string& now) {
  testing::internal::CaptureStderr();
  const auto checked = check_resumed_options(begun, now, "runs/a");
  const std::string said = testing::internal::GetCapturedStderr();
  return checked ? said : "refused: " + checked.error().message;
}

TEST(ResumedOptions, SameOnesAndThoseThatChangeNoResultAreSilent) {
  const std::string begun =
      "seed = 1\ndata = \"old/rows.jsonl\"\nlearning_rate = 0.001\nsave_steps = 10\n"
      "[compute]\nthreads = 1\n";
  EXPECT_EQ(resumed(begun, begun), "");
  EXPECT_EQ(resumed(begun,
                    "seed = 1\ndata = \"old/rows.jsonl\"\nlearning_rate = 0.001\n"
                    "save_steps = 5\nan_option_of_later = 3\n[compute]\nthreads = 2\n"),
            "");
  EXPECT_EQ(resumed("this is [ no TOML", begun), "");
}

TEST(ResumedOptions, OtherResultsAreToldAllAtOnce) {
  const std::string said = resumed("learning_rate = 0.001\nmax_steps = 10\n[gate]\nsum = 0.5\n",
                                   "learning_rate = 0.1\nmax_steps = 20\n[gate]\nsum = 0.5\n");
  EXPECT_NE(said.find("runs/a goes on with other options than it began with: "
                      "learning_rate 0.1 (was 0.001), max_steps 20 (was 10)"),
            std::string::npos)
      << said;
}

TEST(ResumedOptions, DataThatHasMovedIsToldNotRefused) {
  for (const char* now : {"data = \"new/rows.jsonl\"\n", "data = \"rows.jsonl\"\n"}) {
    EXPECT_NE(resumed("data = \"old/rows.jsonl\"\n", now).find("(was 'old/rows.jsonl')"),
              std::string::npos)
        << resumed("data = \"old/rows.jsonl\"\n", now);
  }
}

TEST(ResumedOptions, OtherDataAndShapesAreRefused) {
  EXPECT_NE(resumed("seed = 0\n", "seed = 1\n")
                .find("refused: runs/a: --resume has seed = 1, and "
                      "the run began with 0"),
            std::string::npos);
  const auto is_refused = [](const std::string& begun, const std::string& now) {
    return resumed(begun, now).starts_with("refused");
  };
  EXPECT_TRUE(is_refused("data = \"a.jsonl\"\n", "data = \"b.jsonl\"\n"));
  EXPECT_TRUE(is_refused("train_batch_size = 8\n", "train_batch_size = 16\n"));
  EXPECT_TRUE(is_refused("[new_model]\nd_ff = 32\n", "[new_model]\nd_ff = 64\n"));
}

}  // namespace
}  // namespace r1
