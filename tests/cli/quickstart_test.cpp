// r1 quickstart: the recipe inside the program runs through, with numbers that take seconds.
#include "cli/program.h"

namespace r1 {
namespace {

/// A base that has learned nothing answers nothing right, so nothing may be filtered by it.
Args tiny_quickstart(const Path& out) {
  return {"quickstart",
          "--output_dir",
          out.string(),
          "--variables",
          "zero_steps=2,reason_steps=2,all_steps=2,problems=4,samples=2,eval_samples=1",
          "--base.max_steps=12",
          "--base.gate.enabled=false",
          "--student-base.max_steps=12",
          "--cold-rows.n=8",
          "--reject.limit=8",
          "--reject.filters=[]",
          "--pairs.n=40",
          "--helpful.max_steps=4",
          "--zero.train_batch_size=2",
          "--reason.train_batch_size=2",
          "--reason-without-language.train_batch_size=2",
          "--r1.train_batch_size=2",
          "--student-rl.train_batch_size=2",
          "--distilled.sample.limit=8",
          "--distilled.sample.filters=[]",
          "--distilled.num-train-epochs=1"};
}

TEST(Quickstart, TellsTheWholeStoryOnceAndGoesOn) {
  const Scratch scratch;
  const Path out = scratch / "out";
  const Args args = tiny_quickstart(out);
  const std::string half = must_run(args + Args{"--until", "zero-evaluation"});
  EXPECT_HAS(half, "zero");
  EXPECT_HAS(half, "try: r1 chat --model " + (out / "zero" / "final").string());
  EXPECT_FALSE(std::filesystem::exists(out / "cold"));
  const Outcome whole = run_r1(args);
  EXPECT_EQ(whole.status, 0) << whole.err;
  EXPECT_EQ(whole.err.find("1/16 base"), std::string::npos) << whole.err;  // it is done
  EXPECT_HAS(whole.err, "16/16 evaluation");
  EXPECT_HAS(whole.out, "try: r1 chat --model " + (out / "r1" / "final").string());
  EXPECT_EQ(whole.out.find("pictures: " + (out / "zero").string()), std::string::npos);
  EXPECT_HAS(slurp(out / "zero.log"), "pictures: ");  // what the stage's verb says
  EXPECT_HAS(slurp(out / "report.html"), "</html>");
  EXPECT_HAS(run_r1(args).err, "nothing to do");
}

TEST(Quickstart, OptionsOfStagesAreChecked) {
  const Scratch scratch;
  const Args start{"quickstart", "--output_dir", (scratch / "out").string()};
  EXPECT_HAS(must_fail(start + Args{"--zro.max_steps", "3"}), "did you mean 'zero'?");
  EXPECT_HAS(must_fail(start + Args{"--zero.max_stepz", "3"}), "did you mean 'max_steps'");
  EXPECT_HAS(must_fail(start + Args{"--zero.max_steps"}), "needs a value");
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
  EXPECT_HAS(must_run(start + Args{"--dry_run", "--zero.max_steps", "3"}), "3 steps of 24 x 16");
}

}  // namespace
}  // namespace r1
