#include "base/fields.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace r1 {
namespace {

struct GrpoConfig {
  int group_size = 16;
  float beta = 0.04f;
  void visit(auto&& f) {
    f("group_size", group_size, "completions per prompt");
    f("beta", beta, "weight of the penalty");
  }
};

struct TrainConfig {
  bool resume = false;
  GrpoConfig grpo;
  int64_t n_tokens = 1000;
  uint64_t seed = 1;
  double lr = 3e-4;
  std::string model = "tiny";
  std::vector<std::string> rewards = {"math", "format"};
  std::vector<double> weights = {1, 0.5};
  void visit(auto&& f) {
    f("resume", resume, "go on with a run");
    f("grpo", grpo);
    f("n_tokens", n_tokens);
    f("seed", seed);
    f("lr", lr, "learning rate");
    f("model", model);
    f("rewards", rewards);
    f("weights", weights);
  }
};

/// Reads TOML into fresh defaults; the error's text, or "" on success.
std::string toml_error(const std::string& text) {
  TrainConfig config;
  const auto applied = apply_toml(list_fields(config), text, "c.toml");
  return applied ? "" : applied.error().message;
}

std::string set_error(const std::string& name, const std::string& value) {
  TrainConfig config;
  const auto set = set_field(list_fields(config), name, value);
  return set ? "" : set.error().message;
}

TEST(Fields, AreListedWithDottedNames) {
  TrainConfig config;
  std::string names;
  for (const Field& field : list_fields(config)) names += field.name + " ";
  EXPECT_EQ(names, "resume grpo.group_size grpo.beta n_tokens seed lr model rewards weights ");
}

TEST(Fields, ReadEveryTypeFromToml) {
  TrainConfig config;
  const char* text = R"(
    resume = true
    n_tokens = 5_000_000_000
    seed = 7
    lr = 1e-3
    model = "a \"b\""
    rewards = ["x"]
    weights = [1, 2.5]
    grpo.beta = 0
    [grpo]
    group_size = 8
  )";
  const auto applied = apply_toml(list_fields(config), text, "c.toml");
  ASSERT_FALSE(applied) << "a table may not be defined twice";

  const std::string good = std::string(text).erase(std::string(text).find("grpo.beta = 0"), 13);
  ASSERT_TRUE(apply_toml(list_fields(config), good + "beta = 0\n", "c.toml"));
  EXPECT_TRUE(config.resume);
  EXPECT_EQ(config.n_tokens, 5000000000);
  EXPECT_EQ(config.seed, 7u);
  EXPECT_EQ(config.lr, 1e-3);
  EXPECT_EQ(config.model, "a \"b\"");
  EXPECT_EQ(config.rewards, std::vector<std::string>{"x"});
  EXPECT_EQ(config.weights, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(config.grpo.beta, 0);
  EXPECT_EQ(config.grpo.group_size, 8);
}

TEST(Fields, KeepTheirDefaultsWhenTomlIsSilent) {
  TrainConfig config;
  ASSERT_TRUE(apply_toml(list_fields(config), "[grpo]\nbeta = 0.5", "c.toml"));
  EXPECT_EQ(config.grpo.beta, 0.5f);
  EXPECT_EQ(config.grpo.group_size, 16);
}

TEST(Fields, WriteTomlWithTablesLastAndShortFloats) {
  TrainConfig config;
  EXPECT_EQ(to_toml(list_fields(config)),
            "resume = false\nn_tokens = 1000\nseed = 1\nlr = 3e-04\nmodel = \"tiny\"\n"
            "rewards = [\"math\", \"format\"]\nweights = [1.0, 0.5]\n\n"
            "[grpo]\ngroup_size = 16\nbeta = 0.04\n");
}

TEST(Fields, RoundTripThroughTomlToTheSameBits) {
  TrainConfig config;
  config.n_tokens = std::numeric_limits<int64_t>::min();
  config.seed = std::numeric_limits<uint64_t>::max();
  config.lr = 0.1 + 0.2;
  config.grpo.beta = 7.038531e-26f;  // rounds wrong when read as double first
  config.model = "q\"b\\n\n\t\x01\x7f é ∑";
  config.rewards = {"", "a,b", "c\\"};
  config.weights = {-0.0, 1e300, 5e-324, INFINITY};
  TrainConfig back;
  const auto applied = apply_toml(list_fields(back), to_toml(list_fields(config)), "c.toml");
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(back.n_tokens, config.n_tokens);
  EXPECT_EQ(back.seed, config.seed);
  EXPECT_EQ(back.lr, config.lr);
  EXPECT_EQ(back.grpo.beta, config.grpo.beta);
  EXPECT_EQ(back.model, config.model);
  EXPECT_EQ(back.rewards, config.rewards);
  EXPECT_EQ(back.weights, config.weights);
  EXPECT_TRUE(std::signbit(back.weights[0]));
}

TEST(Fields, RoundTripThroughTheirText) {
  TrainConfig config, back;
  config.resume = true;
  config.rewards = {"a,b", "c\\", "\\boxed"};
  config.grpo.beta = 7.038531e-26f;
  const auto fields = list_fields(config), copies = list_fields(back);
  for (const Field& field : fields) {
    ASSERT_TRUE(set_field(copies, field.name, value_text(field))) << field.name;
  }
  EXPECT_EQ(to_toml(copies), to_toml(fields));
}

TEST(Fields, RefuseAnUnknownKeyWithItsPlaceAndTheNearest) {
  EXPECT_EQ(toml_error("resume = true\n[grpo]\ngroup_sise = 8\n"),
            "c.toml:3:1: unknown field 'grpo.group_sise'; did you mean 'grpo.group_size'?");
  EXPECT_EQ(toml_error("bata = 1"), "c.toml:1:1: unknown field 'bata'; did you mean 'grpo.beta'?");
  EXPECT_EQ(toml_error("zebra = 1"), "c.toml:1:1: unknown field 'zebra'");
  EXPECT_EQ(toml_error("[zebra]\nlr = 1"), "c.toml:1:2: unknown field 'zebra'");
}

TEST(Fields, ReportTheFirstMistakeOfTheFile) {
  EXPECT_EQ(toml_error("seed = -1\nlr = true\n"),
            "c.toml:1:1: 'seed' takes a whole number of 0 or more, not '-1'");
}

TEST(Fields, RefuseWrongTypesAndRangesInToml) {
  EXPECT_EQ(toml_error("lr = \"fast\""), "c.toml:1:1: 'lr' takes a number, not the text \"fast\"");
  EXPECT_EQ(toml_error("n_tokens = 1.5"),
            "c.toml:1:1: 'n_tokens' takes a whole number, not the number 1.5");
  EXPECT_EQ(toml_error("resume = 1"),
            "c.toml:1:1: 'resume' takes true or false, not the whole number 1");
  EXPECT_EQ(toml_error("grpo.group_size = 3000000000"),
            "c.toml:1:6: 'grpo.group_size' takes -2147483648 to 2147483647, not 3000000000");
  EXPECT_EQ(toml_error("grpo.beta = 1e300"),
            "c.toml:1:6: 'grpo.beta' takes a 32-bit number, and 1e+300 is out of its range");
  EXPECT_EQ(toml_error("rewards = \"x\""),
            "c.toml:1:1: 'rewards' takes a list of texts, not the text \"x\"");
  EXPECT_EQ(toml_error("weights = [1, [2]]"), "c.toml:1:1: 'weights' takes a number, not a list");
  EXPECT_EQ(toml_error("model = 1979-05-27"),
            "c.toml:1:1: 'model' takes text, not a date or a time");
  EXPECT_EQ(toml_error("[lr]\nx = 1"), "c.toml:1:2: 'lr' takes a number, not a table");
  EXPECT_EQ(toml_error("grpo = 3"),
            "c.toml:1:1: 'grpo' is a table of fields, not a value; set 'grpo.NAME'");
}

TEST(Fields, RefuseBrokenTomlWithItsPlace) {
  for (const char* text : {"lr = ", "lr = 1\nlr = 2", "[grpo\n", "lr 1", "model = \"a", "= 1"}) {
    const std::string error = toml_error(text);
    EXPECT_TRUE(error.starts_with("c.toml:")) << text << " -> " << error;
    EXPECT_TRUE(std::isdigit(error[7])) << error;
  }
  EXPECT_NE(toml_error(std::string("model = \"\xff\xfe\"")), "");
  EXPECT_NE(toml_error(std::string("a\0b = 1", 7)), "");
}

TEST(SetField, TakesTextForEveryType) {
  TrainConfig config;
  const auto fields = list_fields(config);
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"resume", "yes"},
                                                        {"grpo.group-size", "4"},
                                                        {"grpo.beta", "3e-4"},
                                                        {"n-tokens", "+5"},
                                                        {"seed", "18446744073709551615"},
                                                        {"lr", "1"},
                                                        {"model", ""},
                                                        {"rewards", "a,b\\,c"},
                                                        {"weights", "1,-2.5"}}) {
    ASSERT_TRUE(set_field(fields, name, value)) << name;
  }
  EXPECT_TRUE(config.resume);
  EXPECT_EQ(config.grpo.group_size, 4);
  EXPECT_EQ(config.grpo.beta, 3e-4f);
  EXPECT_EQ(config.n_tokens, 5);
  EXPECT_EQ(config.seed, UINT64_MAX);
  EXPECT_EQ(config.lr, 1.0);
  EXPECT_EQ(config.model, "");
  EXPECT_EQ(config.rewards, (std::vector<std::string>{"a", "b,c"}));
  EXPECT_EQ(config.weights, (std::vector<double>{1, -2.5}));
  ASSERT_TRUE(set_field(fields, "rewards", ""));
  EXPECT_TRUE(config.rewards.empty());
}

TEST(SetField, RefusesWhatTheFieldDoesNotTake) {
  EXPECT_EQ(set_error("lr", "fast"), "'lr' takes a number, not 'fast'");
  EXPECT_EQ(set_error("lr", ""), "'lr' takes a number, not ''");
  EXPECT_EQ(set_error("lr", "1e-400"),
            "'lr' takes a 64-bit number, and 1e-400 is out of its range");
  EXPECT_EQ(set_error("n_tokens", "12x"), "'n_tokens' takes a whole number, not '12x'");
  EXPECT_EQ(set_error("n_tokens", "+-1"), "'n_tokens' takes a whole number, not '+-1'");
  EXPECT_EQ(set_error("seed", "-1"), "'seed' takes a whole number of 0 or more, not '-1'");
  EXPECT_EQ(set_error("resume", "maybe"), "'resume' takes true or false, not 'maybe'");
  EXPECT_EQ(set_error("weights", "1,,2"), "'weights' takes a number, not ''");
  EXPECT_EQ(set_error("grop.beta", "1"), "unknown field 'grop.beta'; did you mean 'grpo.beta'?");
  EXPECT_EQ(set_error("", "1"), "unknown field ''");
}

TEST(TomlValues, AreTomlByTheirDottedNames) {
  const auto values = toml_values(
      "a = 1\nb = 0.1\nc = [1, 2]\nd = \"x = y\"\n[t]\ne = true\n[t.u]\nf = 1e-5\n", "a.toml");
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(*values, (std::map<std::string, std::string>{{"a", "1"},
                                                         {"b", "0.1"},
                                                         {"c", "[ 1, 2 ]"},
                                                         {"d", "'x = y'"},
                                                         {"t.e", "true"},
                                                         {"t.u.f", "1e-05"}}));
  EXPECT_TRUE(toml_values("a = [", "a.toml").error().message.starts_with("a.toml:1:"));
}

TEST(SetField, LeavesTheOldValueOnError) {
  TrainConfig config;
  EXPECT_FALSE(set_field(list_fields(config), "weights", "7,x"));
  EXPECT_EQ(config.weights, (std::vector<double>{1, 0.5}));
}

TEST(HelpText, GivesOneLinePerFieldWithItsDefault) {
  GrpoConfig config;
  EXPECT_EQ(help_text(list_fields(config)),
            "  --group_size N  completions per prompt (default 16)\n"
            "  --beta X        weight of the penalty (default 0.04)\n");
}

TEST(NearestName, AllowsASlipAndNoMore) {
  const std::vector<std::string> known = {"group_size", "lr", "grpo.beta"};
  EXPECT_EQ(nearest_name("gruop_size", known), "group_size");
  EXPECT_EQ(nearest_name("group_sizes", known), "group_size");
  EXPECT_EQ(nearest_name("rl", known), "lr");
  EXPECT_EQ(nearest_name("beta", known), "grpo.beta");
  EXPECT_EQ(nearest_name("temperature", known), "");
  EXPECT_EQ(nearest_name("", {}), "");
}

}  // namespace
}  // namespace r1
