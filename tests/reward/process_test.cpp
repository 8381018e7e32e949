#include "reward/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/log.h"
#include "base/scratch.h"
#include "reward/registry.h"

namespace r1 {
namespace {

/// A reward whose program is a shell script.
Result<RewardSet> script(const Scratch& folder, const std::string& text,
                         const std::string& options = "timeout_s = 5.0") {
  const auto file = (folder / "program.sh").string();
  std::ofstream(file) << text;
  return make_rewards({"name = \"process\"\ncommand = [\"sh\", \"" + file + "\"]\n" + options});
}

Problem asks(const std::string& answer) {
  Problem problem;
  problem.messages.resize(1);
  problem.messages[0].role = "user";
  problem.messages[0].content = "What?";
  problem.answer = answer;
  problem.columns["level"] = "3";
  return problem;
}

TEST(Process, ServesAPythonFunction) {
  if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3";
  const Scratch folder;
  const auto file = (folder / "mine.py").string();
  std::ofstream(file) << "print('loaded')\n"
                         "def reward(prompt, completion, **columns):\n"
                         "    print('this is no reply')\n"
                         "    if completion == 'none': return None\n"
                         "    return len(completion) + columns['level'], prompt\n";
  const auto rewards =
      make_rewards({"name = \"process\"\nbatch_size = 2\ncommand = [\"python3\", \"" R1_SOURCE_DIR
                    "/examples/run_reward.py\", \"" +
                    file + "\"]"});
  ASSERT_TRUE(rewards) << rewards.error().message;
  const Problem problem = asks("7");
  const std::vector<Ask> all{{&problem, {"a", true}},
                             {&problem, {"none", true}},
                             {&problem, {"\xFF", true}},
                             {&problem, {"ab", true}},
                             {&problem, {"", true}}};
  ThreadPool pool(2);
  const std::vector<Score> scores = rewards->score_all(all, pool);
  EXPECT_EQ(scores[0].value, 4);
  EXPECT_EQ(scores[0].reason, "process: What?");
  EXPECT_FALSE(scores[1].valid);
  EXPECT_TRUE(std::isnan(scores[1].parts[0].second));
  EXPECT_EQ(scores[2].value, 4);
  EXPECT_EQ(scores[3].value, 5);
  EXPECT_EQ(scores[4].value, 3);
}

TEST(Process, ExampleRewardJudgesTheEnd) {
  if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3";
  const auto rewards =
      make_rewards({"process;command=python3 " R1_SOURCE_DIR
                    "/examples/run_reward.py " R1_SOURCE_DIR "/examples/reward.py"});
  ASSERT_TRUE(rewards) << rewards.error().message;
  EXPECT_EQ(rewards->score(asks("7"), {"<think>so</think> 7", true}).value, 1);
  EXPECT_EQ(rewards->score(asks("7"), {"<think>7</think> 8", true}).value, 0);
  EXPECT_FALSE(rewards->score(asks(""), {"7", true}).valid);
}

TEST(Process, IsStartedOnce) {
  const Scratch folder;
  const auto rewards = script(folder,
                              "n=0\nwhile read line; do n=$((n+1)); "
                              "echo \"{\\\"scores\\\": [$n]}\"; done\n");
  ASSERT_TRUE(rewards) << rewards.error().message;
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(rewards->score(asks("7"), {"x", true}).value, i);
}

TEST(Process, IsStartedAgainAfterACrash) {
  const Scratch folder;
  const auto rewards = script(folder, "read line; echo '{\"scores\": [1]}'; exit 3\n");
  ASSERT_TRUE(rewards) << rewards.error().message;
  set_log_level(LogLevel::kError);
  for (int i = 0; i < 3; ++i) {
    const Score score = rewards->score(asks("7"), {"x", true});
    EXPECT_TRUE(score.valid) << score.reason;
    usleep(20000);
  }
  set_log_level(LogLevel::kInfo);
}

TEST(Process, HasNoVerdictWhenTheProgramFails) {
  const Scratch folder;
  set_log_level(LogLevel::kQuiet);
  const auto reason = [&](const std::string& text, const std::string& options = "timeout_s = 5.0") {
    const auto rewards = script(folder, text, options);
    EXPECT_TRUE(rewards) << rewards.error().message;
    const Score score = rewards->score(asks("7"), {"x", true});
    EXPECT_FALSE(score.valid);
    EXPECT_EQ(score.value, 0);
    return score.reason;
  };
  const auto expect = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect(reason("echo oh no >&2; exit 1\n"), "the program ended: oh no");
  expect(reason("sleep 100\n", "timeout_s = 0.1\nretries = 0"), "no reply in time");
  expect(reason("while :; do sleep 100; done & sleep 100\n", "timeout_s = 0.1"),
         "no reply in time");
  expect(reason("read line; echo nonsense; sleep 9\n"), "the reply is not");
  expect(reason("read line; echo '{\"scores\": []}'; sleep 9\n"), "0 scores for 1");
  expect(reason("read line; echo '{\"scores\": [\"a\"]}'; sleep 9\n"), "not a number");
  expect(reason("read line; echo '{\"scores\": [1e999]}'; sleep 9\n"), "the reply is not");
  expect(reason("yes | tr -d '\\n'\n", "max_output = 100000"), "more than 100000 bytes");
  expect(reason("yes >&2 & exec sleep 9\n", "timeout_s = 0.2\nretries = 0"), "no reply in time");
  expect(reason("read line; printf '%s\\n%s\\n' a b; sleep 9\n"), "more than one line");
  set_log_level(LogLevel::kInfo);
}

TEST(Process, TakesRequestsLargerThanAnyPipe) {
  const Scratch folder;
  const auto rewards = script(folder, "while read -r line; do echo '{\"scores\": [1]}'; done\n");
  ASSERT_TRUE(rewards) << rewards.error().message;
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(rewards->score(asks("7"), {text, true}).value, 1);
}

TEST(Process, RefusesWhatCannotWork) {
  const auto message = [](const std::string& spec) {
    const auto rewards = make_rewards({spec});
    return rewards ? "no error" : rewards.error().message;
  };
  EXPECT_NE(message("process").find("no command"), std::string::npos);
  EXPECT_NE(message("process;command=/no/such/program x").find("cannot start /no/such/program"),
            std::string::npos);
  EXPECT_NE(message("process;command=true;timeout_s=0").find("timeout_s"), std::string::npos);
  EXPECT_NE(message("process;command=true;batch_size=0").find("batch_size"), std::string::npos);
}

}  // namespace
}  // namespace r1
