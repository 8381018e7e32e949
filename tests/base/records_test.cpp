#include "base/records.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/scratch.h"

namespace r1 {
namespace {

/// Opens the run and adds one line a step.
void write_steps(const Path& run, int64_t resume_step, int64_t first, int64_t last) {
  auto records = Records::open(run, resume_step);
  ASSERT_TRUE(records) << records.error().message;
  for (int64_t step = first; step <= last; ++step) {
    ASSERT_TRUE(records->add(step, {{"loss", 1.0 / static_cast<double>(step)}, {"n", 3}}));
  }
}

std::string metrics_text(const Path& run) { return read_text(run / "metrics.jsonl").value(); }

void append(const Path& run, const std::string& text) {
  ASSERT_TRUE(write_text_atomic(run / "metrics.jsonl", metrics_text(run) + text));
}

TEST(Records, WriteOneLinePerStepInOrderWithShortestNumbers) {
  const Scratch run;
  {
    Records opened = Records::open(run.path(), 0).value();
    Records records = std::move(opened);
    ASSERT_TRUE(records.add(1, {{"loss", 0.1 + 0.2}, {"a \"b\"", -2}, {"lr", 3e-4}}));
    EXPECT_NE(metrics_text(run.path()), "") << "a line is there at once";
    ASSERT_TRUE(records.add(2, {{"loss", NAN}, {"x", INFINITY}, {"big", 1e300}}));
    ASSERT_TRUE(records.add(3, {}));
  }
  EXPECT_EQ(metrics_text(run.path()),
            "{\"step\": 1, \"loss\": 0.30000000000000004, \"a \\\"b\\\"\": -2, \"lr\": 3e-04}\n"
            "{\"step\": 2, \"loss\": null, \"x\": null, \"big\": 1e+300}\n"
            "{\"step\": 3}\n");
}

TEST(Records, ReadBackTheSameBits) {
  const Scratch run;
  const Metrics metrics = {{"z", 0.1 + 0.2}, {"a", 5e-324}, {"m", -1.7976931348623157e308}};
  ASSERT_TRUE(Records::open(run.path(), 0).value().add(7, metrics));
  const auto steps = read_metrics(run.path()).value();
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].first, 7);
  EXPECT_EQ(steps[0].second, metrics);
}

TEST(Records, ReadNullAsNan) {
  const Scratch run;
  ASSERT_TRUE(Records::open(run.path(), 0).value().add(1, {{"loss", -INFINITY}}));
  EXPECT_TRUE(std::isnan(read_metrics(run.path()).value()[0].second[0].second));
}

TEST(Records, OfAResumedRunEqualThoseOfAnUninterruptedOne) {
  const Scratch whole, resumed;
  write_steps(whole.path(), 0, 1, 10);
  write_steps(resumed.path(), 0, 1, 6);
  append(resumed.path(), R"({"step": 7, "loss": 0.142)");  // killed in the middle of step 7
  write_steps(resumed.path(), 4, 5, 10);                   // the last checkpoint was at step 4
  EXPECT_EQ(metrics_text(resumed.path()), metrics_text(whole.path()));
}

TEST(Records, CutATornLastLineOnly) {
  const Scratch run;
  for (const char* torn : {"{", "{\"step\": 3, \"lo", "garbage\n", "\n"}) {
    write_steps(run.path(), 0, 1, 2);
    const std::string whole = metrics_text(run.path());
    append(run.path(), torn);
    ASSERT_TRUE(Records::open(run.path(), 100)) << torn;
    EXPECT_EQ(metrics_text(run.path()), whole) << torn;
  }
}

TEST(Records, KeepALastLineThatLacksItsEndOnly) {
  const Scratch run;
  write_steps(run.path(), 0, 1, 2);
  const std::string whole = metrics_text(run.path());
  ASSERT_TRUE(write_text_atomic(run / "metrics.jsonl", whole.substr(0, whole.size() - 1)));
  ASSERT_TRUE(Records::open(run.path(), 2));
  EXPECT_EQ(metrics_text(run.path()), whole);
}

TEST(Records, RefuseABadLineBeforeTheLast) {
  const Scratch run;
  write_steps(run.path(), 0, 1, 2);
  append(run.path(), "{\"step\": 3, \"loss\": \"low\"}\n{\"step\": 4}\n");
  const std::string path = (run / "metrics.jsonl").string();
  const std::string expected =
      path + ": line 3: 'loss' takes a number or null; mend or delete the line";
  EXPECT_EQ(Records::open(run.path(), 9).error().message, expected);
  EXPECT_EQ(read_metrics(run.path()).error().message, expected);
}

TEST(Records, RefuseLinesWithoutAWholeStep) {
  for (const char* line : {"{}", "[]", "3", "{\"step\": 1.5}", "{\"step\": null}", "{\"loss\": 1}",
                           "{\"step\": 18446744073709551615}"}) {
    const Scratch run;
    ASSERT_TRUE(write_text_atomic(run / "metrics.jsonl", std::string(line) + "\n{\"step\": 2}\n"));
    EXPECT_FALSE(read_metrics(run.path())) << line;
  }
}

TEST(Records, LeaveOutTheLineThatIsBeingWritten) {
  const Scratch run;
  write_steps(run.path(), 0, 1, 2);
  append(run.path(), "{\"step\": 3, \"lo");
  EXPECT_EQ(read_metrics(run.path()).value().size(), 2u);
}

TEST(Records, NameTheFolderThatCannotBeMade) {
  const Scratch scratch;
  ASSERT_TRUE(write_text_atomic(scratch / "run", "a file"));
  const auto records = Records::open(scratch / "run", 0);
  ASSERT_FALSE(records);
  EXPECT_NE(records.error().message.find("a file stands there"), std::string::npos);
  EXPECT_FALSE(read_metrics(scratch / "none"));
}

TEST(Records, StartANewerEventFileAtEachOpening) {
  const Scratch run;
  write_steps(run.path(), 0, 1, 2);
  write_steps(run.path(), 2, 3, 4);
  int n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run / "tensorboard")) {
    const std::string name = entry.path().filename();
    EXPECT_TRUE(name.starts_with("events.out.tfevents.")) << name;
    EXPECT_TRUE(name.ends_with(".r1")) << name;
    EXPECT_NE(read_text(entry.path()).value().find("brain.Event:2"), std::string::npos);
    ++n_files;
  }
  EXPECT_EQ(n_files, 2);
}

TEST(RecordsDeathTest, RefuseAMetricNamedStep) {
  const Scratch run;
  Records records = Records::open(run.path(), 0).value();
  EXPECT_DEATH((void)records.add(1, {{"step", 2}}), "would hide the step");
}

}  // namespace
}  // namespace r1
