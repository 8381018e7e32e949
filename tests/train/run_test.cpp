// Schedules, arguments and the run folder.
#include "train/run.h"

#include <fstream>

#include "checkpoint/fixtures.h"

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

}  // namespace
}  // namespace r1
