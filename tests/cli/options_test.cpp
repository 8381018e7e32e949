#include "cli/options.h"

#include <gtest/gtest.h>

#include "base/scratch.h"

namespace r1 {
namespace {

struct GrpoConfig {
  float beta = 0.04f;
  bool adaptive = false;
  void visit(auto&& f) {
    f("beta", beta, "weight of the penalty");
    f("adaptive", adaptive);
  }
};

struct TrainConfig {
  bool resume = true;
  int group_size = 16;
  std::string prompt;
  GrpoConfig grpo;
  void visit(auto&& f) {
    f("resume", resume, "go on with a run");
    f("group_size", group_size, "completions per prompt");
    f("prompt", prompt, "what to complete");
    f("grpo", grpo);
  }
};

const Verb& train_verb() {
  static const Verb verb = {
      "train", "move the weights", {"r1 train --group-size 8"}, [](const auto&) { return 0; }};
  return verb;
}

/// Parses into `config`; the error's text, or "" on success.
std::string parse(TrainConfig& config, const std::vector<std::string>& args) {
  bool help_printed = true;
  const auto parsed = parse_options(list_fields(config), args, train_verb(), &help_printed);
  EXPECT_FALSE(help_printed);
  return parsed ? "" : parsed.error().message;
}

std::string parse_error(const std::vector<std::string>& args) {
  TrainConfig config;
  return parse(config, args);
}

TEST(Options, TakeEveryWayOfWritingAValue) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"--group_size", "8", "--grpo.beta", "0.1", "--prompt", "a=b"},
           {"--group-size=8", "--grpo.beta=0.1", "--prompt=a=b"},
           {"--set", "group_size=8", "--set", "grpo.beta=0.1", "--set=prompt=a=b"},
           {"--set=group-size=8", "--grpo.beta", "1e-1", "--prompt", "a=b"}}) {
    TrainConfig config;
    ASSERT_EQ(parse(config, args), "");
    EXPECT_EQ(config.group_size, 8);
    EXPECT_EQ(config.grpo.beta, 0.1f);
    EXPECT_EQ(config.prompt, "a=b");
    EXPECT_TRUE(config.resume);
  }
}

TEST(Options, TurnFlagsOnAndOff) {
  TrainConfig config;
  ASSERT_EQ(parse(config, {"--no-resume", "--grpo.adaptive"}), "");
  EXPECT_FALSE(config.resume);
  EXPECT_TRUE(config.grpo.adaptive);
  ASSERT_EQ(parse(config, {"--resume", "--no-grpo.adaptive"}), "");
  EXPECT_TRUE(config.resume);
  EXPECT_FALSE(config.grpo.adaptive);
  ASSERT_EQ(parse(config, {"--resume=false", "--grpo.adaptive", "true"}), "");
  EXPECT_FALSE(config.resume);
  EXPECT_TRUE(config.grpo.adaptive);
}

TEST(Options, TakeNegativeAndEmptyValues) {
  TrainConfig config;
  ASSERT_EQ(parse(config, {"--group-size", "-1", "--prompt", "", "--grpo.beta=-2"}), "");
  EXPECT_EQ(config.group_size, -1);
  EXPECT_EQ(config.prompt, "");
  EXPECT_EQ(config.grpo.beta, -2);
  ASSERT_EQ(parse(config, {"--prompt=--resume"}), "");
  EXPECT_EQ(config.prompt, "--resume");
}

TEST(Options, LetTheLaterArgumentWin) {
  TrainConfig config;
  ASSERT_EQ(parse(config, {"--group-size", "1", "--set", "group_size=2", "--group_size=3"}), "");
  EXPECT_EQ(config.group_size, 3);
}

TEST(Options, LetFlagsWinOverAConfigFileInAnyPosition) {
  const Scratch scratch;
  const std::string file = scratch / "a.toml", later = scratch / "b.toml";
  ASSERT_TRUE(write_text_atomic(file, "group_size = 4\nprompt = \"file\"\n[grpo]\nbeta = 0.5\n"));
  ASSERT_TRUE(write_text_atomic(later, "prompt = \"later\"\n"));
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"--config", file, "--group-size", "8"}, {"--group-size", "8", "--config=" + file}}) {
    TrainConfig config;
    ASSERT_EQ(parse(config, args), "");
    EXPECT_EQ(config.group_size, 8);
    EXPECT_EQ(config.grpo.beta, 0.5f);
    EXPECT_EQ(config.prompt, "file");
  }
  TrainConfig config;
  ASSERT_EQ(parse(config, {"--config", file, "--config", later}), "");
  EXPECT_EQ(config.prompt, "later");
  EXPECT_EQ(config.group_size, 4);
}

TEST(Options, RefuseAnUnknownNameWithTheNearest) {
  EXPECT_EQ(parse_error({"--group-sise", "8"}),
            "unknown option '--group-sise'; did you mean '--group_size'?");
  EXPECT_EQ(parse_error({"--beta=1"}), "unknown option '--beta'; did you mean '--grpo.beta'?");
  EXPECT_EQ(parse_error({"--confg", "x"}), "unknown option '--confg'; did you mean '--config'?");
  EXPECT_EQ(parse_error({"--zebra"}), "unknown option '--zebra'; see r1 train --help");
  EXPECT_EQ(parse_error({"--no-group-size"}),
            "unknown option '--no-group-size'; did you mean '--group_size'?");
}

TEST(Options, RefuseWhatIsNotAnOption) {
  for (const char* arg : {"file.txt", "-x", "--", "-", ""}) {
    EXPECT_EQ(parse_error({arg}), std::string("unexpected argument '") + arg +
                                      "'; options are written --name VALUE (r1 train --help)");
  }
  EXPECT_NE(parse_error({"--=1"}), "");
}

TEST(Options, RefuseMissingAndWrongValues) {
  EXPECT_EQ(parse_error({"--group-size"}),
            "--group-size needs a value: --group-size VALUE or --group-size=VALUE");
  EXPECT_EQ(parse_error({"--prompt", "--resume"}),
            "--prompt needs a value: --prompt VALUE or --prompt=VALUE");
  EXPECT_EQ(parse_error({"--group-size", "many"}), "'group_size' takes a whole number, not 'many'");
  EXPECT_EQ(parse_error({"--resume=maybe"}), "'resume' takes true or false, not 'maybe'");
  EXPECT_EQ(parse_error({"--no-resume=1"}), "--no-resume takes no value");
  EXPECT_EQ(parse_error({"--set", "group_size"}), "--set takes name=value, not 'group_size'");
  EXPECT_EQ(parse_error({"--set", "grup_size=1"}),
            "unknown field 'grup_size'; did you mean 'group_size'?");
}

TEST(Options, NameTheConfigFileThatFails) {
  const Scratch scratch;
  const std::string file = scratch / "a.toml";
  ASSERT_TRUE(write_text_atomic(file, "\ngroup_sise = 4\n"));
  EXPECT_EQ(parse_error({"--config", file}),
            file + ":2:1: unknown field 'group_sise'; did you mean 'group_size'?");
  EXPECT_NE(parse_error({"--config", scratch / "none.toml"}).find("no such file"),
            std::string::npos);
}

TEST(Options, PrintHelpWithExamplesAndDefaultsAndSetNothing) {
  for (const char* help : {"-h", "--help"}) {
    TrainConfig config;
    bool help_printed = false;
    testing::internal::CaptureStdout();
    const auto parsed = parse_options(list_fields(config), {"--group-size", "8", "--zebra", help},
                                      train_verb(), &help_printed);
    const std::string text = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(parsed);
    EXPECT_TRUE(help_printed);
    EXPECT_EQ(config.group_size, 16);
    for (const char* part :
         {"r1 train: move the weights\n", "Usage: r1 train ", "  r1 train --group-size 8\n",
          "  --group_size N", "completions per prompt (default 16)\n", "  --grpo.beta X",
          "weight of the penalty (default 0.04)\n", "--config FILE.toml", "--set NAME=VALUE"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
    }
  }
}

TEST(OptionsDeathTest, RefuseAFieldThatHidesAnOption) {
  int value = 0;
  bool help_printed = false;
  const std::vector<Field> fields = {{"set", &value, ""}};
  EXPECT_DEATH((void)parse_options(fields, {}, train_verb(), &help_printed), "must not be named");
}

}  // namespace
}  // namespace r1
