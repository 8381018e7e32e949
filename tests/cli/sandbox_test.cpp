// r1 sandbox as a user runs it; where nothing isolates, that it refuses.
#include "cli/program.h"

namespace r1 {
namespace {

bool can_isolate() {
  static const bool can = [] {
    const Scratch scratch;
    spill(scratch / "a.py", "");
    return run_r1({"sandbox", "run", (scratch / "a.py").string(), "--time", "20"}).status == 0;
  }();
  return can;
}

TEST(SandboxVerb, RefusesWithARemedy) {
  const Scratch scratch;
  const std::string file = (scratch / "a.py").string();
  spill(file, "print(1)");
  EXPECT_HAS(must_fail({"sandbox", "run", file, "--sandbox.bwrap", "no-such-bwrap"}),
             "apt-get install bubblewrap");
  EXPECT_HAS(must_fail({"sandbox", "run"}), "file is not set");
  EXPECT_HAS(must_fail({"sandbox", "run", file + "x"}), "a.pyx");
  EXPECT_HAS(must_fail({"sandbox", "run", file, "--lang", "cobol"}), "--lang");
  EXPECT_HAS(must_fail({"sandbox", "run", file, "--time", "0"}), "above 0");
  EXPECT_HAS(must_fail({"sandbox", "walk"}), "use run");
  EXPECT_HAS(must_run({"sandbox", "run", "--help"}), "--memory");
}

TEST(SandboxVerb, RunsAProgramAndSaysHowItEnded) {
  if (!can_isolate()) GTEST_SKIP() << "no isolation here";
  const Scratch scratch;
  const std::string python = (scratch / "a.py").string(), native = (scratch / "a.c").string();
  const std::string input = (scratch / "in").string();
  spill(python, "import sys\nprint(input()[::-1])\nsys.exit(3)\n");
  spill(native, "int main() { for (;;) {} }");
  spill(input, "abc\n");
  Outcome outcome = run_r1({"sandbox", "run", python, "--stdin", input, "--time", "20"});
  EXPECT_EQ(outcome.out, "cba\n");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_HAS(outcome.err, "exit status 3");
  outcome = run_r1({"sandbox", "run", native, "--time", "0.2"});
  EXPECT_EQ(outcome.status, 124);
  EXPECT_HAS(outcome.err, "time limit of 0.2 s");
}

}  // namespace
}  // namespace r1
